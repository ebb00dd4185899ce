/** Small pieces are copied side by side into buffers of this size. Octets. */
const SLAB = 16_384;

/** Smaller pieces are always copied: an object for each would take more than they do. Octets. */
const SMALL = 1024;

/**
 * Content that was received and waits for its reader, in pieces. A piece that is a small part of the octets it was received with is copied,
 * so that what is held takes little more memory than it is long, however it was cut.
 */
export class HeldContent {
  readonly #pieces: Buffer[] = [];
  /** The rest of the buffer that the last piece was copied into, if it was. */
  #room: Buffer | undefined;

  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  /** Keeps a piece after the others. */
  push(piece: Buffer): void {
    if (piece.length === 0) return;
    if (piece.length >= SMALL && piece.length * 2 >= Math.min(piece.buffer.byteLength, SLAB * 2)) {
      this.#room = undefined;
      this.#pieces.push(piece);
    } else this.#copy(piece);
  }

  /** Gives the first piece, and keeps it no more. */
  shift(): Buffer | undefined {
    const first = this.#pieces.shift();
    if (this.#pieces.length === 0) this.#room = undefined;
    return first;
  }

  clear(): void {
    this.#pieces.length = 0;
    this.#room = undefined;
  }

  #copy(piece: Buffer): void {
    const room = this.#room;
    const last = this.#pieces.at(-1);
    if (room !== undefined && last !== undefined && room.length >= piece.length) {
      piece.copy(room);
      // The last piece and its rest are one buffer: it grows.
      this.#pieces[this.#pieces.length - 1] = Buffer.from(last.buffer, last.byteOffset, last.length + piece.length);
      this.#room = room.subarray(piece.length);
      return;
    }
    const slab = Buffer.allocUnsafeSlow(Math.max(SLAB, piece.length));
    piece.copy(slab);
    this.#pieces.push(slab.subarray(0, piece.length));
    this.#room = slab.subarray(piece.length);
  }
}
