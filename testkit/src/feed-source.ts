import { Readable } from "node:stream";

/** A source that gives only what a test has offered, and only when asked: it shows how far its reader reads ahead. */
export class FeedSource extends Readable {
  /** How many bytes have been handed out so far, into whatever buffers lie downstream. */
  produced = 0;

  readonly #chunk: Buffer;
  #offered = 0;
  #finishing = false;
  #asked = false;

  /** `chunk` is what every piece is made of, 64 KiB of a pattern by default. */
  constructor(chunk: Buffer = Buffer.alloc(65_536, "trailsum")) {
    super({ highWaterMark: chunk.length });
    this.#chunk = chunk;
  }

  /** Lets `bytes` more be read. */
  offer(bytes: number): void {
    this.#offered += bytes;
    this.#give();
  }

  /** Lets the source end once everything offered has been read. */
  finish(): void {
    this.#finishing = true;
    this.#give();
  }

  override _read(): void {
    this.#asked = true;
    this.#give();
  }

  #give(): void {
    if (!this.#asked) return;
    const size = Math.min(this.#chunk.length, this.#offered - this.produced);
    if (size > 0) {
      this.#asked = false;
      this.produced += size;
      this.push(this.#chunk.subarray(0, size));
    } else if (this.#finishing) {
      this.#asked = false;
      this.push(null);
    }
  }
}
