import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

import { spawnTrailsum, tempDir } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { commandProcess } from "./support/command-process.ts";
import { content, fileOf, md5, patterned, sha256 } from "./support/content.ts";
import { inLanes } from "./support/lanes.ts";
import { filesBelow, serve } from "./support/serving.ts";

const trailsum = commandProcess();

/** What comes through a pipe, of unknown length. */
const pipes: Readonly<Record<string, () => AsyncGenerator<Buffer>>> = {
  nothing: async function* nothing() {},
  "one byte": async function* oneByte() {
    yield Buffer.from("x");
  },
  "a slow drip": async function* drip() {
    for (const byte of content) {
      yield Buffer.of(byte);
      await sleep(2);
    }
  },
  "many blocks": async function* blocks() {
    for (let count = 0; count < 40; count += 1) yield patterned(100_003);
  },
};

test("what a pipe brings arrives as it is, and comes out of a pipe again", async () => {
  const { url, directory } = await serve();
  await inLanes(
    Object.entries(pipes),
    async () => {},
    async ([name, pipe]) => {
      const bytes = await buffer(pipe());
      const target = `${url}/${encodeURIComponent(name)}`;
      const sent = await trailsum(["upload", "-", target], { input: Readable.from(pipe()) });
      expect([sent.exitCode, sent.stdout, sent.stderr]).toEqual([0, `${md5(bytes)}  -\n`, ""]);
      expect(await readFile(join(directory, name))).toEqual(bytes);

      const received = await trailsum(["download", target, "-o", "-", "--require", "verified"]);
      expect([received.exitCode, received.stderr]).toEqual([0, `${sha256(bytes)}  -\n`]);
      expect(received.stdoutBytes).toEqual(bytes);
    },
  );
});

test("an empty file and a file of one byte go up and come down again", async () => {
  const { url } = await serve();
  const place = await tempDir();
  for (const bytes of ["", "x"]) {
    const file = await fileOf(bytes);
    const sent = await trailsum(["upload", file, `${url}/it`]);
    const received = await trailsum(["download", `${url}/it`, "-o", "copy"], { cwd: place });
    expect([sent.stdout, received.stdout]).toEqual([
      `${md5(Buffer.from(bytes))}  ${file}\n`,
      `${sha256(Buffer.from(bytes))}  copy\n`,
    ]);
    expect(await readFile(join(place, "copy"), "utf8")).toBe(bytes);
  }
  // The second one replaced the first.
  expect(await filesBelow(place)).toEqual(["copy"]);
});

test("a download is named by its URL, decoded and without the query", async () => {
  const { url } = await serve();
  const place = await tempDir();
  await trailsum(["upload", await fileOf(), `${url}/a/b%20%C3%A9.txt`]);
  const { exitCode, stdout } = await trailsum(["download", `${url}/a/b%20%C3%A9.txt?x=/y`], { cwd: place });
  expect([exitCode, stdout]).toEqual([0, `${sha256(content)}  b é.txt\n`]);
  expect(await filesBelow(place)).toEqual(["b é.txt"]);
});

test("a download whose reader goes away ends with 5, and without a stack trace", async () => {
  const { url } = await serve();
  await trailsum(["upload", await fileOf(patterned(4_000_000)), `${url}/it`]);
  const { child, exited } = spawnTrailsum(["download", `${url}/it`, "-o", "-"]);
  child.stdout?.once("data", () => child.stdout?.destroy());
  const { exitCode, stderr } = await exited;
  expect(exitCode).toBe(5);
  expect(stderr).toMatch(/^trailsum: cannot write what was downloaded: [^\n]+\n$/);
});
