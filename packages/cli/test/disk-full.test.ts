import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { rawClient, tempDir } from "@trailsum/testkit";
import { expect, onTestFinished, test } from "vitest";

import { commandProcess } from "./support/command-process.ts";
import { content, fileOf, sha256, patterned } from "./support/content.ts";
import { filesBelow, serve } from "./support/serving.ts";

const trailsum = commandProcess();

const run = promisify(execFile);

/** A file system of one mebibyte that is gone when the test ends, or the reason why it cannot be made here. */
async function smallDisk(): Promise<string> {
  const directory = await tempDir();
  await run("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", directory]);
  onTestFinished(() => run("umount", ["-l", directory]).then(() => {}));
  return directory;
}

const mountable = await (async (): Promise<boolean> => {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const probe = await run("unshare", ["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).catch(() => undefined);
  return probe !== undefined;
})();
const reason = mountable ? "" : " (skipped: only root on Linux may mount a small file system)";

test.skipIf(!mountable)(`a full disk under serve is answered 507, and nothing of it is kept${reason}`, async () => {
  const directory = await smallDisk();
  const { url, port, visible, staged } = await serve([], { directory });
  const large = await fileOf(patterned(3_000_000));
  const { exitCode, stdout, stderr } = await trailsum(["upload", large, `${url}/large`]);
  expect([exitCode, stdout]).toEqual([4, ""]);
  expect(stderr).toMatch(/^trailsum: \S+\/large: the server answered 507 Insufficient Storage: no space left/);
  expect([await visible(), await staged()]).toEqual([[], []]);
  // Where the length is known it is refused before a byte of it is sent.
  const client = await rawClient(port);
  await client.write(`PUT /it HTTP/1.1\r\nHost: test\r\nContent-Length: 3000000\r\nMd5: ${"0".repeat(32)}\r\n\r\n`);
  expect((await client.readHead()).toString()).toMatch(/^HTTP\/1\.1 507 /);
  // There is room for what is small.
  const small = await trailsum(["upload", await fileOf(), `${url}/small`]);
  expect([small.exitCode, await visible()]).toEqual([0, ["small"]]);
});

test.skipIf(!mountable)(`a full disk under download ends with 5, and the old file stays${reason}`, async () => {
  const directory = await smallDisk();
  const { url } = await serve();
  await trailsum(["upload", await fileOf(patterned(3_000_000)), `${url}/large`]);
  await writeFile(join(directory, "large"), "what was there before");
  const { exitCode, stdout, stderr } = await trailsum(["download", `${url}/large`], { cwd: directory });
  expect([exitCode, stdout]).toEqual([5, ""]);
  expect(stderr).toMatch(/^trailsum: no space left to write \S*large: make room and try again\n$/);
  expect(await filesBelow(directory)).toEqual(["large"]);
  expect(await readFile(join(directory, "large"), "utf8")).toBe("what was there before");
  await trailsum(["upload", await fileOf(), `${url}/small`]);
  const small = await trailsum(["download", `${url}/small`], { cwd: directory });
  expect([small.exitCode, small.stdout]).toEqual([0, `${sha256(content)}  small\n`]);
});
