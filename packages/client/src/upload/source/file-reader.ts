import type { BigIntStats } from "node:fs";

import { isUnchanged } from "@trailsum/files";
import { TrailsumError } from "@trailsum/shared";

import type { OpenedFile } from "./opened-file.ts";
import type { ReadingMemory } from "./opened-source.ts";

/** Large enough that a system call costs little beside what it moves, small enough to stay in the processor's cache. */
const BLOCK_BYTES = 256 * 1024;

/** One block that is read into, one that is processed, and one that a socket may still be sending. */
const BLOCKS_IN_TURN = 4;

/**
 * The bytes of an open file from its start, one block being read while the one before is hashed and sent. A regular
 * file that is not at its end what it was at its start is an error (`FILE_CHANGED`): its digest would be the digest of
 * something that never existed.
 *
 * The blocks of a regular file use the same memory in turn where that is allowed: making and collecting new ones takes a
 * fifth of an upload's time. Blocks are in shared memory where available, so that they need not be copied to be hashed.
 */
export async function* readFile(file: OpenedFile, path: string, memory: ReadingMemory): AsyncGenerator<Uint8Array> {
  const before = file.stat();
  const regular = before.isFile();
  const block = regular ? blocksOf(memory, before.size) : newBlock;
  let position = 0;
  let next = readBlock(file, block(position), regular ? position : null);
  try {
    for (;;) {
      const piece = await next;
      if (piece.byteLength === 0) break;
      position += piece.byteLength;
      // A file that grows while it is read may never end.
      if (regular && position > before.size) throw changed(path);
      next = readBlock(file, block(position), regular ? position : null);
      // After an early response this block is not consumed, and the file may be closed before it is read.
      next.catch(() => {});
      yield piece;
    }
  } catch (error) {
    throw unreadable(path, error);
  } finally {
    // A consumer that stops early leaves a read pending. It must complete before the file is closed; a read of a pipe
    // may never complete.
    const landed = next.catch(() => {});
    if (regular) await landed;
  }
  if (regular) checkUnchanged(file, path, before, position);
}

/** All bytes of an open regular file, which is small; `FILE_CHANGED` likewise. */
export async function readSmallFile(file: OpenedFile, path: string): Promise<Uint8Array> {
  const before = file.stat();
  // One byte more than the size: files under /proc report a size of 0.
  const block = Buffer.allocUnsafeSlow(Number(before.size) + 1);
  let length = 0;
  try {
    let bytes: number;
    do {
      bytes = await file.read(block.subarray(length), length);
      length += bytes;
    } while (bytes > 0 && length < before.size);
  } catch (error) {
    throw unreadable(path, error);
  }
  checkUnchanged(file, path, before, length);
  return block.subarray(0, length);
}

function checkUnchanged(file: OpenedFile, path: string, before: BigIntStats, length: number): void {
  const after = file.stat();
  if (!isUnchanged(before, after) || BigInt(length) !== before.size) throw changed(path);
}

function unreadable(path: string, error: unknown): TrailsumError {
  if (error instanceof TrailsumError) return error;
  return new TrailsumError("FILE_UNREADABLE", `cannot read ${path}: ${String(error)}`, { cause: error });
}

function changed(path: string): TrailsumError {
  return new TrailsumError("FILE_CHANGED", `${path} changed while it was read: retry when nothing is writing to it`);
}

function newBlock(): Buffer {
  return Buffer.allocUnsafeSlow(BLOCK_BYTES);
}

/** Where each block is read into, by its offset in the file. */
function blocksOf({ inTurn, shared }: ReadingMemory, size: bigint): (position: number) => Buffer {
  if (!inTurn) return newBlock;
  return shared === undefined ? blocksInTurn(size) : (position) => blockAt(shared, position);
}

function blockAt(memory: SharedArrayBuffer, position: number): Buffer {
  // After a short read the next one ends where blocks end, so that none goes beyond the memory.
  return Buffer.from(memory, position % memory.byteLength, BLOCK_BYTES - (position % BLOCK_BYTES));
}

function blocksInTurn(size: bigint): () => Buffer {
  // A byte more than a small file has, so that its end is seen.
  const bytes = size < BLOCK_BYTES ? Number(size) + 1 : BLOCK_BYTES;
  const memory: Buffer[] = [];
  let turn = 0;
  return () => {
    turn = (turn + 1) % BLOCKS_IN_TURN;
    return (memory[turn] ??= Buffer.allocUnsafeSlow(bytes));
  };
}

/** Reads one block; from a pipe or a device (no position) what is available. */
async function readBlock(file: OpenedFile, block: Buffer, position: number | null): Promise<Uint8Array> {
  const bytes = await file.read(block, position);
  return bytes === block.byteLength ? block : block.subarray(0, bytes);
}
