import type { FileHandle } from "node:fs/promises";
import { Writable } from "node:stream";

import { fileError } from "./file-errors.ts";

// Large writes cost the least, and two blocks are all that is ever held: one being filled, one being written.
const BLOCK = 1024 * 1024;
// What one writev takes; it also bounds what tiny chunks cost.
const MAX_CHUNKS = 1024;
// How much is written before the disk is told to keep it, so that the last sync finds little left to do.
const SYNC_INTERVAL = 64 * BLOCK;

/**
 * Takes content into an open file, in blocks of one mebibyte. It finishes when everything is written; `settle` then
 * `sync` make it durable. It never closes the file.
 */
export class StagedFile extends Writable {
  readonly #file: FileHandle;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #unsynced = 0;
  #writing: Promise<void> | undefined;
  #syncing: Promise<void> | undefined;
  #failure: Error | undefined;

  constructor(file: FileHandle) {
    super({ highWaterMark: BLOCK });
    this.#file = file;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < BLOCK && this.#chunks.length < MAX_CHUNKS) return done();
    if (this.#writing === undefined) {
      this.#writeBlock();
      return done();
    }
    // The disk is slower than the sender, who has to wait.
    this.#writing.then(
      () => {
        this.#writeBlock();
        done();
      },
      (error: unknown) => done(fileError(error, "FILE_UNWRITABLE")),
    );
  }

  override _final(done: (error?: Error | null) => void): void {
    const rest = (): Promise<void> => this.#writeAll(this.#take());
    const written = (this.#writing ?? Promise.resolve()).then(rest);
    written.then(
      () => done(),
      (error: unknown) => done(fileError(error, "FILE_UNWRITABLE")),
    );
  }

  /** Waits until nothing uses the file any more, so that it can be closed. Never rejects. */
  async settle(): Promise<void> {
    await Promise.allSettled([this.#writing, this.#syncing]);
  }

  /** Makes the whole file durable. */
  async sync(): Promise<void> {
    await this.#syncing;
    if (this.#failure !== undefined) throw this.#failure;
    await this.#file.sync();
  }

  #writeBlock(): void {
    const writing = this.#writeAll(this.#take()).finally(() => {
      this.#writing = undefined;
    });
    this.#writing = writing;
    writing.catch((error: unknown) => this.#fail(error));
  }

  #take(): Buffer[] {
    const chunks = this.#chunks;
    this.#unsynced += this.#bytes;
    this.#chunks = [];
    this.#bytes = 0;
    return chunks;
  }

  async #writeAll(chunks: Buffer[]): Promise<void> {
    let rest = chunks;
    while (rest.length > 0) {
      // A full disk takes a part, and says why only when asked again.
      const { bytesWritten } = await this.#file.writev(rest);
      rest = without(rest, bytesWritten);
    }
    if (this.#unsynced >= SYNC_INTERVAL && this.#syncing === undefined) this.#syncInBackground();
  }

  #syncInBackground(): void {
    this.#unsynced = 0;
    const syncing = this.#file.datasync().finally(() => {
      this.#syncing = undefined;
    });
    this.#syncing = syncing;
    // The system reports a failed sync only once, so this is where it has to be taken up.
    syncing.catch((error: unknown) => this.#fail(error));
  }

  #fail(error: unknown): void {
    this.#failure ??= fileError(error, "FILE_UNWRITABLE");
    this.destroy(this.#failure);
  }
}

/** What is left of these chunks after their first `bytes` bytes. */
function without(chunks: readonly Buffer[], bytes: number): Buffer[] {
  let skip = bytes;
  const rest: Buffer[] = [];
  for (const chunk of chunks) {
    if (skip < chunk.length) rest.push(chunk.subarray(skip));
    skip = Math.max(0, skip - chunk.length);
  }
  return rest;
}
