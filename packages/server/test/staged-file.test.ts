import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { open, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { tempDir } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { DirectFile } from "../src/stores/direct-file.ts";
import { StagedFile } from "../src/stores/staged-file.ts";
import { giveBlockBack, LARGE_BLOCK, takeLargeBlock } from "../src/stores/write-blocks.ts";

const MIB = 1024 * 1024;
const noise = randomBytes(20 * MIB + 4099);

/** What is on the disk after these pieces were written, and how many of the process's descriptors still lead there. */
async function written(pieces: Iterable<Buffer>): Promise<{ readonly bytes: Buffer; readonly open: number }> {
  const path = join(await tempDir(), "staged");
  const file = await open(path, "wx");
  const staged = new StagedFile(path, file);
  await pipeline(Readable.from(pieces, { objectMode: false }), staged);
  await staged.sync();
  await staged.settle();
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

test("a disk that has no room left fails it", async () => {
  const file = await open("/dev/full", "w");
  const staged = new StagedFile("/dev/full", file);
  staged.write(noise);
  const [error] = await once(staged, "error");
  expect(error).toMatchObject({ code: "NO_SPACE" });
  await staged.settle();
  await file.close();
});

test("a file system without O_DIRECT is written through the page cache", async () => {
  expect(await DirectFile.open(join(await tempDir(), "missing"))).toBeUndefined();
  expect(await DirectFile.open("/dev/full")).toBeUndefined();
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

test("a file goes on to large blocks when some are given back", async () => {
  const taken = takeAllLargeBlocks();
  function* pieces(): Generator<Buffer> {
    yield* piecesOf(noise.subarray(0, 3 * MIB + 17), 65_521);
    for (const block of taken) giveBlockBack(block);
    yield* piecesOf(noise.subarray(3 * MIB + 17), 65_521);
  }
  expect((await written(pieces())).bytes.equals(noise)).toBe(true);
});

test("every large block is given back, by files that end and by files that are given up", async () => {
  await Promise.all(Array.from({ length: 10 }, () => written(piecesOf(noise.subarray(0, 5 * MIB), 65_521))));
  const path = join(await tempDir(), "given up");
  const file = await open(path, "wx");
  const staged = new StagedFile(path, file);
  staged.on("error", () => {});
  for (const piece of piecesOf(noise.subarray(0, 3 * MIB), LARGE_BLOCK / 2)) {
    await new Promise((resolve) => staged.write(piece, resolve));
  }
  staged.destroy();
  await staged.settle();
  await file.close();
  const blocks = takeAllLargeBlocks();
  expect(blocks).toHaveLength(16);
  for (const block of blocks) giveBlockBack(block);
});
