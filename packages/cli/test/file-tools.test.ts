import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { tempDir } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { content, patterned } from "./support/content.ts";
import { ForeignTool } from "./support/foreign-tool.ts";
import { filesBelow, serve, type Serving } from "./support/serving.ts";

const [rclone, wget] = await Promise.all(["rclone", "wget"].map((name) => ForeignTool.find(name)));

const tree: Readonly<Record<string, Buffer>> = {
  "a.txt": content,
  "large.bin": patterned(500_000),
  "sub/50% & more; ünïcode #1.txt": content,
  "sub/deep/er/b.txt": Buffer.from("b"),
};

/** Serves a directory with the tree. */
async function serveTree(): Promise<Serving> {
  const serving = await serve();
  for (const [path, bytes] of Object.entries(tree)) {
    await mkdir(join(serving.directory, path, ".."), { recursive: true });
    await writeFile(join(serving.directory, path), bytes);
  }
  return serving;
}

async function expectTree(directory: string): Promise<void> {
  expect(await filesBelow(directory)).toEqual(Object.keys(tree).toSorted());
  for (const [path, bytes] of Object.entries(tree)) {
    expect((await readFile(join(directory, path))).equals(bytes)).toBe(true);
  }
}

test.skipIf(!rclone!.present)(`${rclone!.title}'s http remote lists what is served, and copies it`, async () => {
  const { url } = await serveTree();
  const remote = ["--config", "/dev/null", "--http-url", url];
  const { stdout } = await rclone!.run(["lsf", "-R", "--files-only", "--format", "ps", ...remote, ":http:"]);
  const listed = Object.entries(tree).map(([path, { length }]) => `${path};${length}`);
  expect(stdout.trim().split("\n").toSorted()).toEqual(listed.toSorted());
  const directory = await tempDir();
  const { exitCode, stderr } = await rclone!.run(["copy", ...remote, ":http:", directory]);
  expect([exitCode, stderr]).toEqual([0, ""]);
  await expectTree(directory);
});

test.skipIf(!wget!.present)(`${wget!.title} fetches a served directory recursively`, async () => {
  const { url } = await serveTree();
  const directory = await tempDir();
  const quietly = ["-q", "-r", "-np", "-nH", "--restrict-file-names=nocontrol", "-R", "index.html*", "-P", directory];
  const { exitCode, stderr } = await wget!.run([...quietly, `${url}/`]);
  expect([exitCode, stderr]).toEqual([0, ""]);
  await expectTree(directory);
});
