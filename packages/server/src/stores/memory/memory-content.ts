import { Writable } from "node:stream";

import { TrailsumError } from "@trailsum/shared";

import type { ReadOptions } from "../store.ts";
import type { UploadAppend } from "../upload-store.ts";

const BLOCK = 65_536;

/** How much of the memory of a store is in use. Throws `NO_SPACE` where there is not so much left; a negative number gives some back. */
export type ReserveMemory = (bytes: number) => void;

/** Bytes in blocks, so that a sender of tiny chunks does not cost more memory than its bytes. */
export class MemoryBlocks {
  readonly #reserve: ReserveMemory;
  readonly #blocks: Buffer[] = [];
  size = 0;

  constructor(reserve: ReserveMemory) {
    this.#reserve = reserve;
  }

  /** All of {@link BLOCK} bytes, but for the last one. */
  get blocks(): Buffer[] {
    const rest = this.size % BLOCK;
    if (rest === 0) return [...this.#blocks];
    return [...this.#blocks.slice(0, -1), this.#blocks.at(-1)!.subarray(0, rest)];
  }

  /** Adds bytes at the end. */
  push(bytes: Buffer): void {
    this.#reserve(bytes.length);
    for (let rest = bytes; rest.length > 0;) {
      const used = this.size % BLOCK;
      if (used === 0) this.#blocks.push(Buffer.allocUnsafeSlow(BLOCK));
      const copied = rest.copy(this.#blocks.at(-1)!, used);
      this.size += copied;
      rest = rest.subarray(copied);
    }
  }

  /** Removes what is after the first `size` bytes. */
  truncate(size: number): void {
    if (size >= this.size) return;
    this.#reserve(size - this.size);
    this.size = size;
    this.#blocks.length = Math.ceil(size / BLOCK);
  }

  /** Gives the memory that the last block has left back. Nothing can be added after that. */
  trim(): void {
    const last = this.#blocks.pop();
    if (last !== undefined) this.#blocks.push(Buffer.from(last.subarray(0, this.size % BLOCK || BLOCK)));
  }
}

/** Takes content into blocks. */
export class MemoryContent extends Writable implements UploadAppend {
  readonly content: MemoryBlocks;

  constructor(content: MemoryBlocks) {
    super();
    this.content = content;
  }

  /** What is in memory is as durable as it gets. */
  get durable(): number {
    return this.content.size;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    try {
      this.content.push(chunk);
      done();
    } catch (error) {
      done(TrailsumError.from(error));
    }
  }
}

/** The bytes from `start` to before `end` in blocks of which all but the last have {@link BLOCK} bytes. */
export function* partOfBlocks(
  blocks: readonly Buffer[],
  { start = 0, end = Number.POSITIVE_INFINITY }: ReadOptions,
): Generator<Buffer> {
  for (let at = start; at < end;) {
    const block = Math.floor(at / BLOCK);
    const piece = blocks[block]?.subarray(at - block * BLOCK, end - block * BLOCK);
    if (piece === undefined || piece.length === 0) return;
    yield piece;
    at += piece.length;
  }
}
