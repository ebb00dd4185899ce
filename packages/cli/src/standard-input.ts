import { createReadStream, fstatSync, type Stats, statSync, writeSync } from "node:fs";
import { devNull } from "node:os";
import type { Readable } from "node:stream";

import { TrailsumError } from "@trailsum/shared";

const STDIN = 0;

/**
 * Standard input as something to upload. `FILE_UNREADABLE` where there is none: `process.stdin` is an empty stream where
 * Node does not know what it is (a directory, a block device), and the null device where it is closed, and an upload of
 * that would be an empty file that nobody meant.
 */
export function standardInput(): Readable {
  let stats: Stats;
  try {
    stats = fstatSync(STDIN);
  } catch {
    throw closed();
  }
  if (stats.isDirectory()) throw new TrailsumError("FILE_UNREADABLE", "cannot read standard input: it is a directory");
  if (isStandIn(stats)) throw closed();
  if (stats.isBlockDevice()) return createReadStream("", { fd: STDIN, autoClose: false });
  return process.stdin;
}

/**
 * Whether this is the null device as Node opens it, before anything else, in place of a closed standard input: for reading
 * and writing. `< /dev/null` is for reading only, and a write of nothing fails on it.
 */
function isStandIn(stats: Stats): boolean {
  if (!stats.isCharacterDevice() || stats.rdev !== statSync(devNull).rdev) return false;
  try {
    writeSync(STDIN, new Uint8Array(0));
    return true;
  } catch {
    return false;
  }
}

function closed(): TrailsumError {
  return new TrailsumError("FILE_UNREADABLE", "cannot read standard input: it is closed");
}
