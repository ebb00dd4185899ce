import type { FileHandle } from "node:fs/promises";

import { TrailsumError } from "@trailsum/shared";

/** Large enough that a system call costs little beside what it moves, small enough to stay in the processor's cache. */
const BLOCK_BYTES = 256 * 1024;

/** One that is read into, one that is looked at, and one that a socket may still be sending. */
const BLOCKS_IN_TURN = 4;

/**
 * The bytes of an open file from its start, one block being read while the one before is hashed and sent. A regular
 * file that is not at its end what it was at its start is an error (`FILE_CHANGED`): its digest would be the digest of
 * something that never existed.
 *
 * With `inTurn` the blocks of a regular file use the same memory in turn, which saves a fifth of an upload's time: a
 * block is written over after the next two have been asked for. Whoever is given them has to have let go of it then.
 */
export async function* readFile(file: FileHandle, path: string, inTurn: boolean): AsyncGenerator<Uint8Array> {
  const before = await file.stat({ bigint: true });
  const regular = before.isFile();
  const blocks = regular && inTurn ? blocksInTurn(before.size) : newBlock;
  let position = 0;
  let next = readBlock(file, blocks(), regular ? position : null);
  try {
    for (;;) {
      const block = await next;
      if (block.byteLength === 0) break;
      position += block.byteLength;
      // Of a file that grows while it is read there may never be an end.
      if (regular && position > before.size) throw changed(path);
      next = readBlock(file, blocks(), regular ? position : null);
      // Where an early answer ends the upload nobody asks for it any more, and the file is closed before it is read.
      next.catch(() => {});
      yield block;
    }
  } catch (error) {
    if (error instanceof TrailsumError) throw error;
    throw new TrailsumError("FILE_UNREADABLE", `cannot read ${path}: ${String(error)}`, { cause: error });
  } finally {
    // A reader that stops early leaves a block on its way. It has to land before the file may be closed, but a pipe
    // may never give another one.
    const landed = next.catch(() => {});
    if (regular) await landed;
  }
  if (!regular) return;
  const after = await file.stat({ bigint: true });
  if (after.mtimeNs !== before.mtimeNs || after.size !== before.size || BigInt(position) !== before.size) {
    throw changed(path);
  }
}

function changed(path: string): TrailsumError {
  return new TrailsumError("FILE_CHANGED", `${path} changed while it was read: send it again when it is at rest`);
}

function newBlock(): Buffer {
  return Buffer.allocUnsafeSlow(BLOCK_BYTES);
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

/** One block; from a pipe or a device (no position) whatever is there. */
async function readBlock(file: FileHandle, block: Buffer, position: number | null): Promise<Uint8Array> {
  const { bytesRead } = await file.read(block, 0, block.byteLength, position);
  return bytesRead === block.byteLength ? block : block.subarray(0, bytesRead);
}
