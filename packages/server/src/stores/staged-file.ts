import type { FileHandle } from "node:fs/promises";
import { Writable } from "node:stream";

import { DIRECT_BLOCK, DirectFile } from "./direct-file.ts";
import { fileError } from "./file-errors.ts";

// Large writes cost the least, and two blocks are all that is ever held: one being filled, one being written.
const BLOCK = DIRECT_BLOCK;
// What one writev takes; it also bounds what tiny chunks cost.
const MAX_CHUNKS = 1024;
// What comes first of a file stays in the system's memory, and so most files do: they are likely to be asked for soon.
const REMEMBERED = 16 * BLOCK;
// How much is written to memory before the disk is told to keep it, so that the last sync finds little left to do.
const SYNC_INTERVAL = 64 * BLOCK;

/**
 * Takes content into an open file, in blocks of one mebibyte. It finishes when everything is written; `settle` then
 * `sync` make it durable. It never closes the file.
 */
export class StagedFile extends Writable {
  readonly #path: string;
  readonly #file: FileHandle;
  /** The same file, for blocks that go straight to the disk. */
  #direct: DirectFile | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #written = 0;
  #unsynced = 0;
  #writing: Promise<void> | undefined;
  #syncing: Promise<void> | undefined;
  #failure: Error | undefined;

  constructor(path: string, file: FileHandle) {
    super({ highWaterMark: BLOCK });
    this.#path = path;
    this.#file = file;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < BLOCK) {
      if (this.#chunks.length === MAX_CHUNKS) this.#chunks = [Buffer.concat(this.#chunks)];
      return done();
    }
    if (this.#writing === undefined) {
      this.#writeBlocks();
      return done();
    }
    // The disk is slower than the sender, who has to wait.
    this.#writing.then(
      () => {
        this.#writeBlocks();
        done();
      },
      (error: unknown) => done(fileError(error, "FILE_UNWRITABLE")),
    );
  }

  override _final(done: (error?: Error | null) => void): void {
    const rest = (): Promise<void> => this.#write(this.#bytes);
    const written = (this.#writing ?? Promise.resolve()).then(rest);
    written.then(
      () => done(),
      (error: unknown) => done(fileError(error, "FILE_UNWRITABLE")),
    );
  }

  /** Waits until nothing uses the file any more, so that it can be closed. Never rejects. */
  async settle(): Promise<void> {
    await Promise.allSettled([this.#writing, this.#syncing]);
    await this.#direct?.close().catch(() => {});
    this.#direct = undefined;
  }

  /** Makes the whole file durable. */
  async sync(): Promise<void> {
    await this.#syncing;
    if (this.#failure !== undefined) throw this.#failure;
    await this.#file.sync();
  }

  /** Writes the whole blocks of what has come. What is left of it waits for more. */
  #writeBlocks(): void {
    const writing = this.#write(this.#bytes - (this.#bytes % BLOCK)).finally(() => {
      this.#writing = undefined;
    });
    this.#writing = writing;
    writing.catch((error: unknown) => this.#fail(error));
  }

  /** Writes the first `bytes` bytes of what has come. */
  async #write(bytes: number): Promise<void> {
    const [first, others] = split(this.#chunks, bytes);
    this.#chunks = others;
    this.#bytes -= bytes;
    let chunks = first;
    for (let left = bytes; left > 0;) {
      // A full disk takes a part, and says why only when asked again.
      const written = (await this.#toDisk(chunks, left)) || (await this.#toMemory(chunks));
      this.#written += written;
      left -= written;
      [, chunks] = split(chunks, written);
    }
    if (this.#unsynced >= SYNC_INTERVAL && this.#syncing === undefined) this.#syncInBackground();
  }

  /** Writes the next block past the system's memory, where there is a whole one and a way. Gives how many bytes went. */
  async #toDisk(chunks: readonly Buffer[], bytes: number): Promise<number> {
    const position = this.#written;
    if (bytes < BLOCK || position < REMEMBERED || position % BLOCK !== 0) return 0;
    if (position === REMEMBERED) this.#direct = await DirectFile.open(this.#path);
    return this.#direct === undefined ? 0 : this.#direct.write(chunks, position);
  }

  async #toMemory(chunks: readonly Buffer[]): Promise<number> {
    const { bytesWritten } = await this.#file.writev(chunks, this.#written);
    this.#unsynced += bytesWritten;
    return bytesWritten;
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

/** These chunks in two parts, the first of `bytes` bytes. */
function split(chunks: readonly Buffer[], bytes: number): [first: Buffer[], rest: Buffer[]] {
  let left = bytes;
  const first: Buffer[] = [];
  const rest: Buffer[] = [];
  for (const chunk of chunks) {
    if (left > 0) first.push(left < chunk.length ? chunk.subarray(0, left) : chunk);
    if (left < chunk.length) rest.push(left > 0 ? chunk.subarray(left) : chunk);
    left = Math.max(0, left - chunk.length);
  }
  return [first, rest];
}
