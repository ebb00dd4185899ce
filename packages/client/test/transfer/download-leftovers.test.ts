import { spawnSync } from "node:child_process";
import { readdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { tempDir } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { download } from "../../src/index.ts";
import { httpServer, rejection } from "./peers.ts";

const random = "0123456789abcdef";

/** How the names of this process's part files are marked, taken from one. */
async function marks(): Promise<{ readonly own: string; readonly gone: string; readonly elsewhere: string }> {
  const directory = await tempDir();
  let names: string[] = [];
  const server = await httpServer(async (_request, response) => {
    names = await readdir(directory);
    response.end();
  });
  await download(server.origin, join(directory, "file"));
  const [, place, pid, started] = /^\.file\.([0-9a-f]{12})-(\d+)-(\d+)-[0-9a-f]{16}\.trailsum$/.exec(names[0]!)!;
  return {
    own: `${place}-${pid}-${started}`,
    // Of a process that has been, and is no more.
    gone: `${place}-${spawnSync(process.execPath, ["--eval", ""]).pid}-1`,
    // The same process id in another container, on a volume that both have.
    elsewhere: `${"0".repeat(12)}-${pid}-${started}`,
  };
}

test("a download removes leftovers of one to the same file, and nothing else", async () => {
  const server = await httpServer((_request, response) => void response.end("content"));
  const directory = await tempDir();
  const { own, gone, elsewhere } = await marks();
  const kept = [
    `.file.${own}-${random}.trailsum`, // under way elsewhere in this process
    `.file.${elsewhere}-${random}.trailsum`, // of a process that cannot be looked up from here
    `.other.${gone}-${random}.trailsum`,
    `.file.more.${gone}-${random}.trailsum`,
    `.file.${gone}-${random}.trailsum.txt`,
    `file.${gone}-${random}.trailsum`,
    `.file.${gone}-short.trailsum`,
    `.file.trailsum`,
  ];
  const left = [`.file.${gone}-${random}.trailsum`, `.file.${elsewhere.replace(/^0/, "1")}-${random}.trailsum`];
  await Promise.all([...left, ...kept].map((name) => writeFile(join(directory, name), "half")));
  const hoursAgo = new Date(Date.now() - 2 * 60 * 60 * 1000);
  await utimes(join(directory, kept[0]!), hoursAgo, hoursAgo);
  await utimes(join(directory, left[1]!), hoursAgo, hoursAgo);
  await download(server.origin, join(directory, "file"));
  expect((await readdir(directory)).toSorted()).toEqual(["file", ...kept].toSorted());
});

test("a download that fails has removed it all the same", async () => {
  const server = await httpServer((_request, response) => response.writeHead(404).end());
  const directory = await tempDir();
  await writeFile(join(directory, `.file.${(await marks()).gone}-${random}.trailsum`), "half");
  await rejection(download(server.origin, join(directory, "file")));
  expect(await readdir(directory)).toEqual([]);
});

test("two downloads to the same file at once do not disturb each other: one of them is there, whole", async () => {
  const server = await httpServer((request, response) => void response.end(request.url?.repeat(50_000)));
  const directory = await tempDir();
  const path = join(directory, "file");
  const results = await Promise.all(["/a", "/b"].map((name) => download(`${server.origin}${name}`, path)));
  expect(results.map(({ verdict }) => verdict.computed.size)).toEqual([100_000, 100_000]);
  expect(await readdir(directory)).toEqual(["file"]);
});
