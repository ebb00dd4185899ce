import { type PassThrough, type Readable, Stream, type Writable } from "node:stream";

// @ts-expect-error -- it has no types of its own: its classes are those of node:stream
import duplexify from "duplexify";
// @ts-expect-error -- as above
import readableStream3 from "readable-stream-3";
// @ts-expect-error -- as above
import readableStream4 from "readable-stream-4";

interface StreamClasses {
  readonly PassThrough: typeof PassThrough;
  readonly Readable: typeof Readable;
  readonly Writable: typeof Writable;
}

/** The stream classes of packages that bring their own: no stream of theirs is an instance of Node's. */
export const foreignStreams: readonly (readonly [name: string, classes: StreamClasses])[] = [
  ["readable-stream 3", readableStream3 as StreamClasses],
  ["readable-stream 4", readableStream4 as StreamClasses],
];

/** duplexify: one stream from a writable and a readable one. */
export const duplexOf = duplexify as (
  writable: NodeJS.WritableStream | null,
  readable: NodeJS.ReadableStream,
) => NodeJS.ReadWriteStream & { destroy(error?: Error): void };

/** A stream as Node 0.8 had them: it emits what it has as soon as it is resumed, and has neither state nor iterator. */
export class OldStream extends Stream {
  readable = true;
  destroyed = false;
  paused = true;
  readonly #chunks: (Buffer | string)[];

  constructor(chunks: Iterable<Buffer | string>) {
    super();
    this.#chunks = [...chunks];
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    while (!this.paused && !this.destroyed) {
      const chunk = this.#chunks.shift();
      if (chunk === undefined) {
        this.finish();
        return;
      }
      this.emit("data", chunk);
    }
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.readable = false;
    this.emit("close");
  }

  /** What comes after the last chunk. */
  protected finish(): void {
    if (!this.readable) return;
    this.readable = false;
    this.emit("end");
  }
}
