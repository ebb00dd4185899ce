/** A part that is being filled. It takes memory as content comes, up to the size of the part. */
export class PartBuffer {
  readonly capacity: number;
  #bytes: Buffer;
  #size = 0;

  /** `memory` is that of a part before, which is written over. */
  constructor(capacity: number, memory: Buffer = Buffer.alloc(0)) {
    this.capacity = capacity;
    this.#bytes = memory;
  }

  get size(): number {
    return this.#size;
  }

  get full(): boolean {
    return this.#size === this.capacity;
  }

  /** What is in it. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#size);
  }

  /** Takes as much as there is room for. Returns how many bytes that was. */
  fill(chunk: Buffer): number {
    const taken = Math.min(chunk.length, this.capacity - this.#size);
    if (this.#size + taken > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(
        Math.min(this.capacity, Math.max(2 * this.#bytes.length, this.#size + taken)),
      );
      this.#bytes.copy(grown, 0, 0, this.#size);
      this.#bytes = grown;
    }
    chunk.copy(this.#bytes, this.#size, 0, taken);
    this.#size += taken;
    return taken;
  }
}
