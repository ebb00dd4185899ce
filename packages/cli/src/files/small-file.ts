import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

import { isUnchanged } from "@trailsum/files";

import type { FilePath } from "./file-path.ts";

/** Larger files are read asynchronously. Bytes. */
const MAX_SIZE = 65_536;
/** A read that takes longer probably waits for the disk: then asynchronous reads are faster. Milliseconds. */
const PATIENCE = 2;
/** How many files are left to asynchronous reads then. */
const PAUSE = 100;

/** Reads a small regular file; undefined for a file that is better read asynchronously. */
export type SmallFileReader = (path: FilePath) => Uint8Array | undefined;

/**
 * A reader for a run over many small files. It reads files that are in the page cache synchronously, which takes a fifth
 * of the time of asynchronous reads. It returns undefined for what is large, not a regular file, changing or unreadable,
 * so that the asynchronous reader reports why; and for the next files after one that took long.
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
    // One byte more than the size, so that a file that grows is noticed.
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
