import { Writable } from "node:stream";

import { type StreamDigester, TrailsumError } from "@trailsum/shared";

import type { UploadAppend } from "../stores/upload-store.ts";

/** How much more has to be durable to say so again, if less than a second has passed. Bytes. */
const PROGRESS = 8 * 1024 * 1024;

/** Content that is appended to an upload: it is hashed and written. Finishes when it is durable. */
export class IncomingContent extends Writable {
  readonly #digester: StreamDigester;
  readonly #append: UploadAppend;
  readonly #onDurable: (size: number) => void;
  #durable: number;
  #reported = performance.now();

  /** `onDurable` is called now and then, when more of the upload is durable, with the size of that. */
  constructor(digester: StreamDigester, append: UploadAppend, onDurable: (size: number) => void) {
    super({ highWaterMark: 128 * 1024 });
    this.#digester = digester;
    this.#append = append;
    this.#durable = append.durable;
    this.#onDurable = onDurable;
    append.on("error", (error) => this.destroy(error));
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const hashed = this.#digester.update(chunk);
    if (hashed === undefined) return this.#pass(chunk, done);
    hashed.then(
      () => this.#pass(chunk, done),
      (error: unknown) => done(TrailsumError.from(error)),
    );
  }

  #pass(chunk: Buffer, done: (error?: Error | null) => void): void {
    const append = this.#append;
    if (append.destroyed) return done(append.errored);
    if (append.durable > this.#durable) this.#report(append.durable);
    if (append.write(chunk)) done();
    else append.once("drain", () => done());
  }

  #report(durable: number): void {
    const now = performance.now();
    if (durable - this.#durable < PROGRESS && now - this.#reported < 1_000) return;
    this.#durable = durable;
    this.#reported = now;
    this.#onDurable(durable);
  }

  override _final(done: (error?: Error | null) => void): void {
    // Only when it is closed the upload knows its size.
    this.#append.once("close", () => done(this.#append.errored));
    this.#append.end();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (this.#append.closed) return done(error);
    this.#append.once("close", () => done(error));
    this.#append.destroy();
  }
}
