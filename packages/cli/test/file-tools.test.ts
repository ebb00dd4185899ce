import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { tempDir } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { content, patterned } from "./support/content.ts";
import { ForeignTool } from "./support/foreign-tool.ts";
import { filesBelow, serve, type Serving } from "./support/serving.ts";

const [rclone, wget, curl] = await Promise.all(["rclone", "wget", "curl"].map((name) => ForeignTool.find(name)));

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

describe("a download that was cut", () => {
  const large = tree["large.bin"]!;

  /** A served file, the beginning of it on disk, and how to see whether the rest was fetched alone. */
  async function cut(): Promise<{ url: string; path: string; readonly replace: (bytes: Buffer) => Promise<void> }> {
    const { url, directory } = await serve();
    await writeFile(join(directory, "large.bin"), large);
    const path = join(await tempDir(), "large.bin");
    await writeFile(path, large.subarray(0, 200_000));
    return { url: `${url}/large.bin`, path, replace: (bytes) => writeFile(join(directory, "large.bin"), bytes) };
  }

  test.skipIf(!curl!.present)(`${curl!.title} continues`, async () => {
    const { url, path, replace } = await cut();
    const report = "%{http_code} %{size_download}";
    const continued = await curl!.run(["-sS", "-C", "-", "-w", report, "-o", path, url]);
    expect(continued).toMatchObject({ exitCode: 0, stdout: "206 300000", stderr: "" });
    // Nothing is left to fetch then.
    const complete = await curl!.run(["-sS", "-C", "-", "-w", "%{http_code}", "-o", path, url]);
    expect(complete).toMatchObject({ exitCode: 0, stdout: "416" });
    expect((await readFile(path)).equals(large)).toBe(true);
    const etag = (await curl!.run(["-sS", "-I", "-w", "%header{etag}", "-o", "/dev/null", url])).stdout;
    await replace(content);
    const conditional = ["-H", `If-Range: ${etag}`, "-r", "0-9", "-o", path, url];
    expect((await curl!.run(["-sS", "-w", report, ...conditional])).stdout).toBe(`200 ${content.length}`);
  });

  test.skipIf(!wget!.present)(`${wget!.title} continues`, async () => {
    const { url, path } = await cut();
    const { exitCode, stderr } = await wget!.run(["-c", "--progress=dot", "-O", path, url]);
    expect([exitCode, stderr]).toEqual([0, expect.stringContaining("206 Partial Content")]);
    expect((await readFile(path)).equals(large)).toBe(true);
  });
});
