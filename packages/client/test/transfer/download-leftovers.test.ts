import { spawnSync } from "node:child_process";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { tempDir } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { download } from "../../src/index.ts";
import { httpServer, rejection } from "./peers.ts";

/** The id of a process that has been, and is no more. */
const gone = spawnSync(process.execPath, ["--eval", ""]).pid;

test("a download removes what a process that is gone has left of one to the same file, and nothing else", async () => {
  const server = await httpServer((_request, response) => void response.end("content"));
  const directory = await tempDir();
  const random = "0123456789ab";
  const kept = [
    `.file.${process.pid}-${random}.trailsum`, // under way elsewhere in this process
    `.file.1-${random}.trailsum`, // of a process that we may not even ask
    `.other.${gone}-${random}.trailsum`,
    `.file.more.${gone}-${random}.trailsum`,
    `.file.${gone}-${random}.trailsum.txt`,
    `file.${gone}-${random}.trailsum`,
    `.file.${gone}-short.trailsum`,
    `.file.trailsum`,
  ];
  const left = `.file.${gone}-${random}.trailsum`;
  await Promise.all([left, ...kept].map((name) => writeFile(join(directory, name), "half")));
  await download(server.origin, join(directory, "file"));
  expect((await readdir(directory)).toSorted()).toEqual(["file", ...kept].toSorted());
});

test("a download that fails has removed it all the same", async () => {
  const server = await httpServer((_request, response) => response.writeHead(404).end());
  const directory = await tempDir();
  await writeFile(join(directory, `.file.${gone}-0123456789ab.trailsum`), "half");
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
