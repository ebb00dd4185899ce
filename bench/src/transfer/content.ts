import { randomBytes } from "node:crypto";
import { mkdir, open, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";

import { run } from "./subject.ts";

const MIB = 1024 * 1024;

/** Bytes that do not compress and differ from one mebibyte to the next, made faster than they can be hashed. */
function* mebibytes(count: number): Generator<Buffer> {
  const noise = randomBytes(2 * MIB);
  for (let number = 0; number < count; number += 1) {
    const at = (number * 4099) % MIB;
    const block = Buffer.from(noise.subarray(at, at + MIB));
    block.writeUInt32LE(number);
    yield block;
  }
}

/** A stream of so many mebibytes. */
export function contentStream(count: number): Readable {
  return Readable.from(mebibytes(count), { objectMode: false, highWaterMark: MIB });
}

/** A file of so many mebibytes, on the disk and in memory: who syncs another file is not to wait for this one as well. */
export async function contentFile(path: string, count: number): Promise<string> {
  const file = await open(path, "w");
  try {
    for (const block of mebibytes(count)) await file.write(block);
    await file.sync();
  } finally {
    await file.close();
  }
  return path;
}

/** A directory of so many files of so many bytes, no two of them the same. */
export async function contentDirectory(path: string, count: number, bytes: number): Promise<string> {
  await mkdir(path);
  for (let number = 0; number < count; number += 1) {
    await writeFile(join(path, `file-${String(number).padStart(6, "0")}`), randomBytes(bytes));
  }
  await run(["sync"]);
  return path;
}

/**
 * Makes the system find memory for so many mebibytes, and gives it back. A virtual machine hands what it does not use
 * back to its host within seconds, and takes several times as long to write to memory that it has to ask for again: so
 * otherwise the first writer after a pause would be measured under other conditions.
 */
export async function warmMemory(directory: string, count: number): Promise<void> {
  const path = join(directory, "warm");
  await run(["dd", "if=/dev/zero", `of=${path}`, "bs=1M", `count=${count}`, "status=none"]);
  await rm(path);
  await run(["sync"]);
}
