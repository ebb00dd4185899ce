import type { Socket } from "node:net";

/** One end of a TCP connection: what has arrived, and how far it has been read. */
export class Wire {
  readonly socket: Socket;
  /** The peer sends no more: it said so, or the connection is gone. */
  ended = false;
  /** The connection broke. */
  broken = false;
  #bytes: Buffer = Buffer.alloc(0);
  readonly #waiting = new Set<() => void>();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
      this.#wake();
    });
    socket.on("end", () => this.#end(false));
    socket.on("error", () => this.#end(true));
    socket.on("close", () => this.#end(false));
  }

  /** What has arrived and has not been taken. */
  get unread(): Buffer {
    return this.#bytes;
  }

  /** Counts all but the last `left` bytes as read. */
  leave(left: number): void {
    this.#bytes = this.#bytes.subarray(this.#bytes.length - left);
  }

  /**
   * Waits until `look` gives something, asking again whenever bytes or the end arrive. Rejects with `what` after
   * `timeout` milliseconds, or when `signal` says so.
   */
  async until<Found>(
    look: () => Found | undefined,
    { what, timeout, signal }: { what: string; timeout: number; signal: AbortSignal },
  ): Promise<Found> {
    const end = performance.now() + timeout;
    for (;;) {
      signal.throwIfAborted();
      const found = look();
      if (found !== undefined) return found;
      const left = end - performance.now();
      if (left <= 0) throw new Error(`${what} did not come within ${timeout} ms, unread: ${this.#rest()}`);
      await this.#change(left, signal);
    }
  }

  #change(timeout: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, timeout);
      this.#waiting.add(done);
      signal.addEventListener("abort", done, { once: true });
    });
  }

  #end(broken: boolean): void {
    this.ended = true;
    this.broken ||= broken;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
  }

  #rest(): string {
    return `${JSON.stringify(this.#bytes.toString("latin1").slice(0, 300))}${this.ended ? ", the connection ended" : ""}`;
  }
}
