import { createReadStream, fstatSync, type Stats, statSync, writeSync } from "node:fs";
import { devNull } from "node:os";
import type { Readable } from "node:stream";

import { TrailsumError } from "@trailsum/shared";

const STDIN = 0;

/**
 * Standard input as a source. Throws `FILE_UNREADABLE` if it is closed or a directory: `process.stdin` is an empty stream
 * for a descriptor that Node does not know (a directory, a block device), and reads the null device if the descriptor is
 * closed. Either would be uploaded as an empty file by mistake.
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
 * Whether this is the null device that Node opens at its start in place of a closed standard input: for reading and
 * writing. `< /dev/null` opens it for reading only, so that even an empty write fails.
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
