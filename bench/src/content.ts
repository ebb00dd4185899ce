import { randomBytes } from "node:crypto";
import { open } from "node:fs/promises";
import { Readable } from "node:stream";

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

/** A file of so many mebibytes. */
export async function contentFile(path: string, count: number): Promise<string> {
  const file = await open(path, "w");
  try {
    for (const block of mebibytes(count)) await file.write(block);
  } finally {
    await file.close();
  }
  return path;
}
