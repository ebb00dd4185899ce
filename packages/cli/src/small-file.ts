import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

import { isUnchanged } from "@trailsum/files";

import type { FilePath } from "./file-path.ts";

/** Larger files are worth another thread's while. Bytes. */
const MAX_SIZE = 65_536;
/** A file that takes longer may not come from memory, and then it is better to wait for several at once. Milliseconds. */
const PATIENCE = 2;
/** So many files are left to others then. */
const PAUSE = 100;

/** Reads a small file; gives nothing for one that somebody else had better read. The path must be a regular file's. */
export type SmallFileReader = (path: FilePath) => Uint8Array | undefined;

/**
 * A reader for a run over many small files. As long as they come from memory it reads each here and now, which takes a
 * fifth of what it takes to ask other threads for it. What is large, no file, changing, or cannot be read it leaves to
 * those who can wait for it and say what is wrong; and all that comes behind a file that took long, for a while.
 */
export function createSmallFileReader(): SmallFileReader {
  let left = 0;
  return (path) => {
    if (left > 0) {
      left -= 1;
      return undefined;
    }
    const began = performance.now();
    const bytes = read(path);
    if (performance.now() - began > PATIENCE) left = PAUSE;
    return bytes;
  };
}

function read(path: FilePath): Uint8Array | undefined {
  let file: number | undefined;
  try {
    // Not blocking, in case it has become a named pipe: opening one would wait for a writer.
    // oxlint-disable-next-line no-bitwise -- flags are bits
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const before = fstatSync(file, { bigint: true });
    if (!before.isFile() || before.size > MAX_SIZE) return undefined;
    // A byte more than it has, to see that there is none.
    const bytes = Buffer.allocUnsafeSlow(Number(before.size) + 1);
    const length = readSync(file, bytes);
    const after = fstatSync(file, { bigint: true });
    const same = isUnchanged(before, after) && BigInt(length) === before.size;
    return same ? bytes.subarray(0, length) : undefined;
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
