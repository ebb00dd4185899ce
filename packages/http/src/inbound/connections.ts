/** A connection that a server has accepted, of any protocol. */
export interface ServedConnection {
  /** Looks, about once a second, whether it has rested for too long. `now` is the time of `performance.now`. */
  check(now: number): void;
  /** The server stops: ends now if it is idle, and otherwise when what runs has ended. */
  stop(): void;
}

/** How often connections are looked at. Milliseconds. */
const INTERVAL = 1_000;

/**
 * The connections of a server, and the one clock by which all of them see what takes too long: a timer for each message
 * would cost more than the message.
 */
export class Connections {
  readonly #open = new Set<ServedConnection>();
  #timer: NodeJS.Timeout | undefined;
  /** Whether the server stops. */
  stopping = false;

  /** One that comes while the server stops is stopped at once. */
  add(connection: ServedConnection): void {
    this.#open.add(connection);
    this.#timer ??= setInterval(this.#look, INTERVAL).unref();
    if (this.stopping) connection.stop();
  }

  /** Removes a connection that has closed. */
  delete(connection: ServedConnection): void {
    this.#open.delete(connection);
    if (this.#open.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Ends idle connections now, and the others as they become idle. */
  stop(): void {
    this.stopping = true;
    for (const connection of this.#open) connection.stop();
  }

  readonly #look = (): void => {
    const now = performance.now();
    for (const connection of this.#open) connection.check(now);
  };
}
