/** Pieces up to this size are copied together. Octets. */
const SMALL = 1024;

/** What small pieces are copied into. Octets. */
const BLOCK = 4096;

/** A piece that is smaller than this fraction of its underlying buffer is copied. */
const SPARSE = 1 / 4;

/**
 * Content that waits for its reader, in pieces. It takes about as much memory as it has octets, however it was cut: a view of one octet
 * would take a hundred times as much, and keep alive all that was received together with it.
 */
export class HeldContent {
  /** How much is held. Octets. */
  length = 0;
  readonly #pieces: Buffer[] = [];
  /** How much of the last piece is filled, where that is a block for small ones. Octets. */
  #filled: number | undefined;

  /** Whether nothing is held. */
  get isEmpty(): boolean {
    return this.length === 0;
  }

  /** Keeps a piece after the others. Returns whether it was copied, and is not used any more. */
  push(piece: Buffer): boolean {
    if (piece.length === 0) return true;
    this.length += piece.length;
    if (piece.length <= SMALL && this.#append(piece)) return true;
    this.#closeBlock();
    const sparse = piece.length < piece.buffer.byteLength * SPARSE;
    this.#pieces.push(sparse ? Buffer.from(piece) : piece);
    return sparse;
  }

  /** Keeps a piece before the others: one that could not be used. */
  unshift(piece: Buffer): void {
    this.length += piece.length;
    this.#pieces.unshift(piece);
  }

  /** Gives the first piece, and keeps it no more. */
  shift(): Buffer | undefined {
    if (this.#pieces.length === 1) this.#closeBlock();
    const piece = this.#pieces.shift();
    this.length -= piece?.length ?? 0;
    return piece;
  }

  /** Discards what is held. */
  clear(): void {
    this.length = 0;
    this.#pieces.length = 0;
    this.#filled = undefined;
  }

  /** Returns everything as one piece, and keeps it. */
  joined(): Buffer {
    this.#closeBlock();
    return this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces);
  }

  /** Appends a copy of a small piece to other small ones. False where it is the first of them. */
  #append(piece: Buffer): boolean {
    const last = this.#pieces.at(-1);
    if (last === undefined) return false;
    if (this.#filled === undefined) {
      if (last.length > SMALL) return false;
      const block = Buffer.allocUnsafeSlow(BLOCK);
      this.#filled = last.copy(block);
      this.#pieces[this.#pieces.length - 1] = block;
    }
    if (this.#filled + piece.length > BLOCK) return false;
    this.#filled += piece.copy(this.#pieces.at(-1)!, this.#filled);
    return true;
  }

  #closeBlock(): void {
    if (this.#filled === undefined) return;
    const at = this.#pieces.length - 1;
    this.#pieces[at] = this.#pieces[at]!.subarray(0, this.#filled);
    this.#filled = undefined;
  }
}
