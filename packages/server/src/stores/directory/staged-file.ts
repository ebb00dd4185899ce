import type { FileHandle } from "node:fs/promises";
import { Writable } from "node:stream";

import { BlockWriter, type BlockWriterOptions } from "@trailsum/files";

import { fileError } from "./file-errors.ts";

/**
 * Takes content into an open file, in blocks. It finishes when everything is written; `sync` then makes it durable. It
 * never closes the file: `settle` first.
 */
export class StagedFile extends Writable {
  readonly #writer: BlockWriter;

  constructor(file: FileHandle, options: Pick<BlockWriterOptions, "start" | "reportsProgress"> = {}) {
    super({ highWaterMark: 64 * 1024 });
    this.#writer = new BlockWriter(file, { ...options, onFailure: (error) => this.destroy(unwritable(error)) });
  }

  /** How many bytes of the file have been synced by now. */
  get durable(): number {
    return this.#writer.durable;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const taken = this.#writer.write(chunk);
    if (taken === undefined) return done();
    taken.then(
      () => done(),
      (error: unknown) => done(unwritable(error)),
    );
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#writer.finish().then(
      () => done(),
      (error: unknown) => done(unwritable(error)),
    );
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#writer.close();
    done(error);
  }

  /** Waits until nothing uses the file any more, so that it can be closed. Never rejects. */
  settle(): Promise<void> {
    return this.#writer.settle();
  }

  /** Makes the whole file durable. */
  async sync(): Promise<void> {
    try {
      await this.#writer.sync();
    } catch (error) {
      throw unwritable(error);
    }
  }
}

function unwritable(error: unknown): Error {
  return fileError(error, "FILE_UNWRITABLE");
}
