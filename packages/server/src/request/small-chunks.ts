/** Smaller pieces are joined. Bytes. */
const SMALL = 1024;
const MOST_TOGETHER = 16_384;

/**
 * Joins small pieces of content: verifying and storing each separately costs far more than a copy. A piece waits at most
 * until everything that arrived with it has been handled.
 */
export class SmallChunks {
  readonly #write: (bytes: Buffer) => void;
  #together: Buffer | undefined;
  #length = 0;
  #scheduled: NodeJS.Immediate | undefined;

  /** `write` takes the joined pieces, in order. */
  constructor(write: (bytes: Buffer) => void) {
    this.#write = write;
  }

  /** Adds the next piece. */
  add(piece: Buffer): void {
    if (piece.length >= SMALL || this.#length + piece.length > MOST_TOGETHER) this.flush();
    if (piece.length >= SMALL) return this.#write(piece);
    this.#together ??= Buffer.allocUnsafe(MOST_TOGETHER);
    this.#together.set(piece, this.#length);
    this.#length += piece.length;
    this.#scheduled ??= setImmediate(() => this.flush());
  }

  /** Writes what is waiting. */
  flush(): void {
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    const together = this.#together?.subarray(0, this.#length);
    this.#together = undefined;
    this.#length = 0;
    if (together !== undefined) this.#write(together);
  }
}
