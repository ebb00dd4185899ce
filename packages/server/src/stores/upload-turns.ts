/** A request that uses an upload, or waits for it. */
interface Turn {
  readonly onWanted: () => void;
  readonly ended: Promise<void>;
}

/**
 * Lets one request at a time use each upload, in the order of asking. The one before is asked to stop: a client that asks
 * again has lost its first connection, though the server may not know that yet.
 */
export class UploadTurns {
  readonly #last = new Map<string, Turn>();

  /** Waits for the turn. Returns what ends it. */
  async take(id: string, onWanted: () => void): Promise<() => void> {
    const before = this.#last.get(id);
    const { promise, resolve } = Promise.withResolvers<void>();
    const turn: Turn = { onWanted, ended: promise };
    this.#last.set(id, turn);
    before?.onWanted();
    await before?.ended;
    return () => {
      if (this.#last.get(id) === turn) this.#last.delete(id);
      resolve();
    };
  }
}
