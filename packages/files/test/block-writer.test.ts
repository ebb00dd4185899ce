import { randomBytes } from "node:crypto";
import { type FileHandle, open, readdir, readFile, readlink, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { tempDir } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { BlockWriter } from "../src/block-writer.ts";
import { DirectFile } from "../src/direct-file.ts";
import { giveBlockBack, LARGE_BLOCK, takeLargeBlock } from "../src/write-blocks.ts";

const MIB = 1024 * 1024;
const noise = randomBytes(20 * MIB + 4099);

async function writeAll(writer: BlockWriter, pieces: Iterable<Buffer>): Promise<void> {
  for (const piece of pieces) await writer.write(piece);
}

/** What is on the disk after these pieces were written, and how many of the process's descriptors still lead there. */
async function written(pieces: Iterable<Buffer>): Promise<{ readonly bytes: Buffer; readonly open: number }> {
  const path = join(await tempDir(), "written");
  const file = await open(path, "wx");
  const writer = new BlockWriter(file);
  await writeAll(writer, pieces);
  await writer.finish();
  await writer.sync();
  await writer.settle();
  await file.close();
  return { bytes: await readFile(path), open: await descriptors(path) };
}

async function descriptors(path: string): Promise<number> {
  const names = await readdir("/proc/self/fd").catch(() => []);
  const targets = await Promise.all(names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => "")));
  return targets.filter((target) => target === path).length;
}

function* piecesOf(bytes: Buffer, length: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

test.each([
  ["the pieces of a socket", 64 * 1024],
  ["pieces that fit nowhere", 99_991],
  ["tiny pieces", 613],
  ["pieces of several blocks", 5 * MIB + 1],
  ["one piece", noise.length],
])("%s become the file, whether in memory first or straight on the disk", async (_name, length) => {
  const { bytes, open: left } = await written(piecesOf(noise, length));
  expect(bytes.equals(noise)).toBe(true);
  expect(left).toBe(0);
});

test.each([0, 1, MIB - 1, MIB, MIB + 1, 16 * MIB - 1, 16 * MIB, 16 * MIB + 1, 17 * MIB, 17 * MIB + 4096])(
  "%i bytes are as many on the disk",
  async (length) => {
    const content = noise.subarray(0, length);
    expect((await written(piecesOf(content, 65_521))).bytes.equals(content)).toBe(true);
  },
);

test("bytes one by one become the file", async () => {
  const content = noise.subarray(0, 5000);
  expect((await written(piecesOf(content, 1))).bytes.equals(content)).toBe(true);
});

test.each([1, 4096, MIB - 1, 16 * MIB, 16 * MIB + 5])(
  "content continues after %i bytes that are there",
  async (start) => {
    const path = join(await tempDir(), "continued");
    await writeFile(path, noise.subarray(0, start));
    const file = await open(path, "r+");
    const writer = new BlockWriter(file, { start });
    await writeAll(writer, piecesOf(noise.subarray(start), 65_521));
    await writer.finish();
    expect(writer.written).toBe(noise.length);
    await writer.settle();
    await file.close();
    expect((await readFile(path)).equals(noise)).toBe(true);
  },
);

test("a file that is renamed meanwhile gets the rest under its new name", async () => {
  const directory = await tempDir();
  const [path, renamed] = [join(directory, "before"), join(directory, "after")];
  const file = await open(path, "wx");
  const writer = new BlockWriter(file);
  await writeAll(writer, piecesOf(noise.subarray(0, MIB), 65_521));
  await rename(path, renamed);
  await writeAll(writer, piecesOf(noise.subarray(MIB), 65_521));
  await writer.finish();
  await writer.settle();
  await file.close();
  expect((await readFile(renamed)).equals(noise)).toBe(true);
  expect(await readdir(directory)).toEqual(["after"]);
});

/** A writer into a device that has no room, and what it reported. */
async function fullDisk(): Promise<{ writer: BlockWriter; file: FileHandle; failures: Error[] }> {
  const failures: Error[] = [];
  const file = await open("/dev/full", "w");
  return { writer: new BlockWriter(file, { onFailure: (error) => failures.push(error) }), file, failures };
}

test("a disk that has no room left fails every later call, and is reported once", async () => {
  const { writer, file, failures } = await fullDisk();
  await expect(writeAll(writer, piecesOf(noise, 65_536))).rejects.toMatchObject({ code: "ENOSPC" });
  await expect(writer.write(noise)).rejects.toMatchObject({ code: "ENOSPC" });
  await expect(writer.finish()).rejects.toMatchObject({ code: "ENOSPC" });
  await expect(writer.sync()).rejects.toMatchObject({ code: "ENOSPC" });
  expect(failures).toHaveLength(1);
  expect(writer.written).toBe(0);
  writer.close();
  await writer.settle();
  await file.close();
});

test("a disk without room for the last block fails the end", async () => {
  const { writer, file } = await fullDisk();
  expect(writer.write(noise.subarray(0, 10))).toBeUndefined();
  await expect(writer.finish()).rejects.toMatchObject({ code: "ENOSPC" });
  await file.close();
});

test("nothing is taken after it was closed", async () => {
  const path = join(await tempDir(), "closed");
  const file = await open(path, "wx");
  const writer = new BlockWriter(file);
  await writer.write(noise.subarray(0, 10));
  writer.close();
  await expect(writer.write(noise)).rejects.toThrow("not written to any more");
  await writer.settle();
  await file.close();
  expect(await readFile(path)).toHaveLength(0);
});

test("a file without O_DIRECT is written through the page cache", async () => {
  const file = await open("/dev/full", "w");
  expect(await DirectFile.open(file)).toBeUndefined();
  await file.close();
});

/** Takes all large blocks there are. */
function takeAllLargeBlocks(): Buffer[] {
  const blocks: Buffer[] = [];
  for (let block = takeLargeBlock(); block !== undefined; block = takeLargeBlock()) blocks.push(block);
  return blocks;
}

test("large blocks are bounded, and files are written without them", async () => {
  const taken = takeAllLargeBlocks();
  expect(taken).toHaveLength(16);
  expect((await written(piecesOf(noise, 65_521))).bytes.equals(noise)).toBe(true);
  for (const block of taken) giveBlockBack(block);
});

test("a file continues with large blocks when some are returned", async () => {
  const taken = takeAllLargeBlocks();
  function* pieces(): Generator<Buffer> {
    yield* piecesOf(noise.subarray(0, 3 * MIB + 17), 65_521);
    for (const block of taken) giveBlockBack(block);
    yield* piecesOf(noise.subarray(3 * MIB + 17), 65_521);
  }
  expect((await written(pieces())).bytes.equals(noise)).toBe(true);
});

test("every large block is returned, by files that end and by files that are given up", async () => {
  await Promise.all(Array.from({ length: 10 }, () => written(piecesOf(noise.subarray(0, 5 * MIB), 65_521))));
  const file = await open(join(await tempDir(), "given up"), "wx");
  const writer = new BlockWriter(file);
  await writeAll(writer, piecesOf(noise.subarray(0, 3 * MIB), LARGE_BLOCK / 2));
  writer.close();
  await writer.settle();
  await file.close();
  const blocks = takeAllLargeBlocks();
  expect(blocks).toHaveLength(16);
  for (const block of blocks) giveBlockBack(block);
});
