import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { tempDir } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { StagedFile } from "../src/stores/directory/staged-file.ts";

const noise = randomBytes(3 * 1024 * 1024 + 17);

test("finishes when everything is written, and can be synced after that", async () => {
  const path = join(await tempDir(), "staged");
  const file = await open(path, "wx");
  const staged = new StagedFile(file);
  await pipeline(Readable.from([noise.subarray(0, 100_000), noise.subarray(100_000)]), staged);
  expect((await readFile(path)).equals(noise)).toBe(true);
  await staged.sync();
  expect(staged.durable).toBe(noise.length);
  await staged.settle();
  await file.close();
});

test("a disk that has no room left fails it", async () => {
  const file = await open("/dev/full", "w");
  const staged = new StagedFile(file);
  staged.write(noise);
  const [error] = await once(staged, "error");
  expect(error).toMatchObject({ code: "NO_SPACE" });
  await staged.settle();
  await file.close();
});
