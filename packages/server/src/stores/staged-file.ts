import type { FileHandle } from "node:fs/promises";
import { Writable } from "node:stream";

import { DirectFile } from "./direct-file.ts";
import { fileError } from "./file-errors.ts";
import { giveBlockBack, LARGE_BLOCK, SMALL_BLOCK, takeLargeBlock, takeSmallBlock } from "./write-blocks.ts";

// The first block of a file is as large as its first piece, but not smaller than this.
const SMALLEST_BLOCK = 4096;
// The beginning of a file, and so most files, stays in the page cache: it is likely to be read soon.
const REMEMBERED = 16 * LARGE_BLOCK;
// How much is written to the page cache before it is synced, so that the last sync is short.
const SYNC_INTERVAL = 64 * LARGE_BLOCK;

/** Options of a {@link StagedFile}. */
interface StagedFileOptions {
  /**
   * Where in the file the content begins. What is there before that stays.
   * @default 0
   */
  readonly start?: number;
  /**
   * Whether writes that bypass the page cache are also synced from time to time, so that `durable` grows.
   * @default false
   */
  readonly reportsProgress?: boolean;
}

/**
 * Takes content into an open file. It is collected in blocks: of 64 KiB for the first mebibyte, of one mebibyte after
 * that where the pool has one. At most two are held: one being filled, one being written. It finishes when everything is
 * written; `settle` then `sync` make it durable. It never closes the file.
 */
export class StagedFile extends Writable {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #reportsProgress: boolean;
  /** The same file, for blocks that bypass the page cache; null if that is not supported. */
  #direct: DirectFile | null | undefined;
  /** The block that is being filled. */
  #block: Buffer | undefined;
  #filled = 0;
  /** Where in the file the block that is being filled begins. */
  #before: number;
  #written: number;
  #durable: number;
  #unsynced = 0;
  #writing: Promise<void> | undefined;
  #syncing: Promise<void> | undefined;
  #failure: Error | undefined;

  constructor(path: string, file: FileHandle, { start = 0, reportsProgress = false }: StagedFileOptions = {}) {
    super({ highWaterMark: SMALL_BLOCK });
    this.#reportsProgress = reportsProgress;
    this.#path = path;
    this.#file = file;
    this.#before = start;
    this.#written = start;
    this.#durable = start;
  }

  /** How many bytes of the file have been synced by now. */
  get durable(): number {
    return this.#durable;
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const rest = this.#fill(chunk);
    if (rest.length === 0) return done();
    // The disk is slower than the sender, which has to wait.
    this.#writing!.then(
      () => this._write(rest, encoding, done),
      (error: unknown) => done(fileError(error, "FILE_UNWRITABLE")),
    );
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#writeRest().then(
      () => done(),
      (error: unknown) => done(fileError(error, "FILE_UNWRITABLE")),
    );
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (this.#block !== undefined) giveBlockBack(this.#block);
    this.#block = undefined;
    done(error);
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
    const written = this.#written;
    await this.#file.sync();
    this.#durable = written;
  }

  /** Copies as much as there is room for while at most one block is being written. Returns the rest. */
  #fill(chunk: Buffer): Buffer {
    let rest = chunk;
    while (rest.length > 0) {
      this.#block ??= this.#nextBlock(rest.length);
      const copied = rest.copy(this.#block, this.#filled);
      this.#filled += copied;
      rest = rest.subarray(copied);
      if (this.#filled < this.#block.length) break;
      if (this.#block.length < SMALL_BLOCK) this.#grow(this.#block);
      else if (this.#writing === undefined) this.#writeBlock(this.#block);
      else break;
    }
    return rest;
  }

  #nextBlock(wanted: number): Buffer {
    if (this.#before === 0 && wanted < SMALL_BLOCK) return Buffer.allocUnsafeSlow(Math.max(SMALLEST_BLOCK, wanted));
    const large = this.#before >= LARGE_BLOCK && this.#before % LARGE_BLOCK === 0 ? takeLargeBlock() : undefined;
    return large ?? takeSmallBlock();
  }

  #grow(block: Buffer): void {
    this.#block = takeSmallBlock();
    block.copy(this.#block);
  }

  /** Writes a full block while another is filled. */
  #writeBlock(block: Buffer): void {
    this.#before += block.length;
    this.#block = undefined;
    this.#filled = 0;
    const writing = this.#write(block).finally(() => {
      giveBlockBack(block);
      this.#writing = undefined;
      if (this.#block !== undefined && this.#filled === this.#block.length && !this.destroyed)
        this.#writeBlock(this.#block);
    });
    this.#writing = writing;
    writing.catch((error: unknown) => this.#fail(error));
  }

  async #writeRest(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    const block = this.#block;
    if (block === undefined) return;
    this.#block = undefined;
    this.#writing = this.#write(block.subarray(0, this.#filled)).finally(() => {
      giveBlockBack(block);
      this.#writing = undefined;
    });
    await this.#writing;
  }

  async #write(bytes: Buffer): Promise<void> {
    for (let rest = bytes; rest.length > 0;) {
      // A full disk accepts a part; the next write fails.
      const written = (await this.#toDisk(rest)) || (await this.#toMemory(rest));
      this.#written += written;
      if (this.#reportsProgress) this.#unsynced += written;
      rest = rest.subarray(written);
    }
    if (this.#unsynced >= SYNC_INTERVAL && this.#syncing === undefined) this.#syncInBackground();
  }

  /** Writes a whole large block without the page cache, if that is supported. Returns the bytes written. */
  async #toDisk(block: Buffer): Promise<number> {
    const position = this.#written;
    if (block.length < LARGE_BLOCK || position < REMEMBERED || position % LARGE_BLOCK !== 0) return 0;
    this.#direct ??= this.#direct === undefined ? ((await DirectFile.open(this.#path)) ?? null) : null;
    return this.#direct === null ? 0 : this.#direct.write(block, position);
  }

  async #toMemory(bytes: Buffer): Promise<number> {
    const { bytesWritten } = await this.#file.write(bytes, 0, bytes.length, this.#written);
    if (!this.#reportsProgress) this.#unsynced += bytesWritten;
    return bytesWritten;
  }

  #syncInBackground(): void {
    this.#unsynced = 0;
    const written = this.#written;
    const synced = this.#file.datasync().then(() => {
      this.#durable = written;
    });
    const syncing = synced.finally(() => {
      this.#syncing = undefined;
    });
    this.#syncing = syncing;
    // The system reports a failed sync only once, so it is handled here.
    syncing.catch((error: unknown) => this.#fail(error));
  }

  #fail(error: unknown): void {
    this.#failure ??= fileError(error, "FILE_UNWRITABLE");
    this.destroy(this.#failure);
  }
}
