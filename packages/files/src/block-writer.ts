import type { FileHandle } from "node:fs/promises";

import { DirectFile } from "./direct-file.ts";
import { giveBlockBack, LARGE_BLOCK, SMALL_BLOCK, takeLargeBlock, takeSmallBlock } from "./write-blocks.ts";

// The first block of a file is as large as its first piece, but not smaller than this.
const SMALLEST_BLOCK = 4096;
// The beginning of a file, and so most files, stays in the page cache: it is likely to be read soon.
const REMEMBERED = 16 * LARGE_BLOCK;
// How much is written to the page cache before it is synced, so that the last sync is short.
const SYNC_INTERVAL = 64 * LARGE_BLOCK;

/** Options of a {@link BlockWriter}. */
export interface BlockWriterOptions {
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
  /** Called once, with the error of a write or a sync that failed. Every later call rejects with it. */
  readonly onFailure?: (error: Error) => void;
}

/**
 * Writes content into an open file. It is collected in blocks: of 64 KiB for the first mebibyte, of one mebibyte after
 * that where the pool has one. At most two are held: one being filled, one being written. What is beyond the first 16 MiB
 * is written without the page cache if the file system supports that. `finish` writes the rest, `sync` makes it durable.
 * It never closes the file: `settle` first, and then close it.
 */
export class BlockWriter {
  readonly #file: FileHandle;
  readonly #reportsProgress: boolean;
  readonly #onFailure: ((error: Error) => void) | undefined;
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
  #isClosed = false;

  constructor(file: FileHandle, { start = 0, reportsProgress = false, onFailure }: BlockWriterOptions = {}) {
    this.#file = file;
    this.#reportsProgress = reportsProgress;
    this.#onFailure = onFailure;
    this.#before = start;
    this.#written = start;
    this.#durable = start;
  }

  /** The position after the last byte that has been written to the file. */
  get written(): number {
    return this.#written;
  }

  /** The position before which everything has been synced. */
  get durable(): number {
    return this.#durable;
  }

  /** Takes the next bytes, which have been copied once it is done. Await what it returns before the next ones. */
  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#isClosed) return Promise.reject(new Error("the file is not written to any more"));
    const rest = this.#fill(chunk);
    // The disk is slower than the source, which has to wait.
    return rest.byteLength === 0 ? undefined : this.#writing!.then(() => this.write(rest));
  }

  /** Writes what is left. */
  async finish(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    if (this.#block !== undefined && this.#failure === undefined) await this.#writeBlock(this.#block);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Makes everything in the file durable that has been written to it. */
  async sync(): Promise<void> {
    await this.#syncing;
    if (this.#failure !== undefined) throw this.#failure;
    const written = this.#written;
    await this.#file.sync();
    this.#durable = written;
  }

  /** Discards what has not been written. */
  close(): void {
    this.#isClosed = true;
    if (this.#block !== undefined) giveBlockBack(this.#block);
    this.#block = undefined;
  }

  /** Waits until nothing uses the file any more, so that it can be closed. Never rejects. */
  async settle(): Promise<void> {
    await Promise.allSettled([this.#writing, this.#syncing]);
    await this.#direct?.close().catch(() => {});
    this.#direct = undefined;
  }

  /** Copies as much as there is room for while at most one block is being written. Returns the rest. */
  #fill(chunk: Uint8Array): Uint8Array {
    let rest = chunk;
    while (rest.byteLength > 0) {
      this.#block ??= this.#nextBlock(rest.byteLength);
      const length = Math.min(rest.byteLength, this.#room(this.#block) - this.#filled);
      this.#block.set(length === rest.byteLength ? rest : rest.subarray(0, length), this.#filled);
      this.#filled += length;
      rest = rest.subarray(length);
      if (this.#filled < this.#room(this.#block)) break;
      if (this.#block.length < SMALL_BLOCK) this.#grow(this.#block);
      else if (this.#writing === undefined) void this.#writeBlock(this.#block);
      else break;
    }
    return rest;
  }

  #nextBlock(wanted: number): Buffer {
    if (this.#before === 0 && wanted < SMALL_BLOCK) return Buffer.allocUnsafeSlow(Math.max(SMALLEST_BLOCK, wanted));
    const large = this.#before >= LARGE_BLOCK && this.#before % LARGE_BLOCK === 0 ? takeLargeBlock() : undefined;
    return large ?? takeSmallBlock();
  }

  /** How much of a block is used: after a start at any position, as much as leads to a multiple of its size. */
  #room(block: Buffer): number {
    return block.length - (this.#before % block.length);
  }

  #grow(block: Buffer): void {
    this.#block = takeSmallBlock();
    block.copy(this.#block);
  }

  /** Writes what a block holds, while another is filled. */
  #writeBlock(block: Buffer): Promise<void> {
    const content = block.subarray(0, this.#filled);
    this.#before += this.#filled;
    this.#block = undefined;
    this.#filled = 0;
    const writing = this.#write(content).catch((error: unknown) => this.#fail(error));
    this.#writing = writing.finally(() => {
      giveBlockBack(block);
      this.#writing = undefined;
      const next = this.#block;
      const isFull = next !== undefined && this.#filled === this.#room(next);
      if (isFull && this.#failure === undefined) void this.#writeBlock(next);
    });
    return this.#writing;
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
    this.#direct ??= this.#direct === undefined ? ((await DirectFile.open(this.#file)) ?? null) : null;
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
    // The system reports a failed sync only once, so it is handled here.
    const syncing = synced.catch((error: unknown) => this.#fail(error));
    this.#syncing = syncing.finally(() => {
      this.#syncing = undefined;
    });
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = error instanceof Error ? error : new Error("a write failed", { cause: error });
    this.#onFailure?.(this.#failure);
  }
}
