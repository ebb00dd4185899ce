import { Writable } from "node:stream";

import type { UploadAppend } from "@trailsum/server";
import { TrailsumError } from "@trailsum/shared";

import { PartBuffer } from "./part-buffer.ts";

/** What a {@link SegmentWriter} needs. */
export interface SegmentWriterOptions {
  /** The content of the last segment, where it is written again. */
  readonly beginning: Buffer;
  /** How many bytes of content there are. */
  readonly size: number;
  /** The size of the segments that are written, from number 1. */
  readonly capacity: (number: number) => number;
  /** Makes a segment durable. A number that comes twice replaces the segment. */
  readonly store: (bytes: Buffer, number: number) => Promise<void>;
}

/** Takes content that is appended to an upload, and stores it segment by segment. */
export class SegmentWriter extends Writable implements UploadAppend {
  readonly #options: SegmentWriterOptions;
  #buffer: PartBuffer;
  #number = 1;
  /** How much of the buffer is durable. */
  #stored: number;
  #running: Promise<unknown> = Promise.resolve();
  durable: number;

  constructor(options: SegmentWriterOptions) {
    super();
    this.#options = options;
    this.#buffer = new PartBuffer(options.capacity(1));
    this.#stored = this.#buffer.fill(options.beginning);
    this.durable = options.size;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#run(() => this.#take(chunk), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#run(() => this.#store(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // What was written stays.
    this.#running
      .then(() => this.#store())
      .then(
        () => done(error),
        () => done(error),
      );
  }

  #run(action: () => Promise<void>, done: (error?: Error | null) => void): void {
    const running = action();
    this.#running = running.catch(() => {});
    running.then(
      () => done(),
      (error: unknown) => done(TrailsumError.from(error)),
    );
  }

  async #take(chunk: Buffer): Promise<void> {
    for (let rest = chunk; rest.length > 0;) {
      if (this.#buffer.full) {
        await this.#store();
        this.#number += 1;
        this.#buffer = new PartBuffer(this.#options.capacity(this.#number));
        this.#stored = 0;
      }
      rest = rest.subarray(this.#buffer.fill(rest));
    }
  }

  async #store(): Promise<void> {
    const { bytes } = this.#buffer;
    if (bytes.length === this.#stored) return;
    await this.#options.store(bytes, this.#number);
    this.durable += bytes.length - this.#stored;
    this.#stored = bytes.length;
  }
}
