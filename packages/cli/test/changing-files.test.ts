import { execFile } from "node:child_process";
import { appendFile, chmod, open, truncate, utimes } from "node:fs/promises";
import { promisify } from "node:util";

import { spawnTrailsum } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { commandProcess } from "./support/command-process.ts";
import { fileOf, patterned } from "./support/content.ts";
import { startHop } from "./support/hop.ts";
import { serve } from "./support/serving.ts";

const trailsum = commandProcess();

const run = promisify(execFile);

/** What may happen to a file of eight mebibytes while it is read. */
const changes: Readonly<Record<string, (file: string) => Promise<void>>> = {
  grows: (file) => appendFile(file, "more"),
  shrinks: (file) => truncate(file, 7 * 1024 * 1024),
  "shrinks to nothing": (file) => truncate(file, 0),
  "is touched": (file) => utimes(file, 1, 1),
  // To the nanosecond, as programs do that keep the date of a file.
  "is written over and dated back": async (file) => {
    await run("touch", ["-r", file, `${file}.date`]);
    const handle = await open(file, "r+");
    await handle.write("other", 7 * 1024 * 1024);
    await handle.close();
    await run("touch", ["-r", `${file}.date`, file]);
  },
};

test.each(Object.entries(changes))(
  "a file that %s while it is uploaded ends with 5, and is not stored",
  async (_what, change) => {
    const { url, visible, staged } = await serve();
    const hop = await startHop(url);
    const file = await fileOf(patterned(8 * 1024 * 1024));
    // The hop holds the request back, so that the file cannot have been read to its end.
    hop.plan = { hold: true };
    const { exited } = spawnTrailsum(["upload", file, `${hop.origin}/it`]);
    await expect.poll(() => hop.request().length).toBeGreaterThan(0);
    await change(file);
    hop.release();
    const { exitCode, stdout, stderr } = await exited;
    expect([exitCode, stdout]).toEqual([5, ""]);
    expect(stderr).toBe(`trailsum: ${file} changed while it was read: retry when nothing is writing to it\n`);
    await expect.poll(staged).toEqual([]);
    expect(await visible()).toEqual([]);
  },
);

test.skipIf(process.platform !== "linux")("a file that cannot be read to its end is reported", async () => {
  const { url, visible } = await serve();
  // It can be opened, by anybody, and not be read from its start.
  const { exitCode, stdout, stderr } = await trailsum(["upload", "/proc/self/mem", `${url}/it`]);
  expect([exitCode, stdout]).toEqual([5, ""]);
  expect(stderr).toMatch(/^trailsum: cannot read \/proc\/self\/mem: [^\n]*EIO[^\n]*\n$/);
  expect(await visible()).toEqual([]);
});

const asOther = process.getuid?.() !== 0;
test.skipIf(!asOther)(
  `a file without permission is reported${asOther ? "" : " (skipped: root may read everything)"}`,
  async () => {
    const { url } = await serve();
    const file = await fileOf();
    await chmod(file, 0);
    const { exitCode, stderr } = await trailsum(["upload", file, `${url}/it`]);
    expect([exitCode, stderr]).toEqual([5, `trailsum: cannot read ${file}: no permission to read it\n`]);
  },
);

test.skipIf(process.platform === "win32")("a named pipe is read like standard input", async () => {
  const { url, visible } = await serve();
  const fifo = `${await fileOf()}.fifo`;
  await run("mkfifo", [fifo]);
  const { exited } = spawnTrailsum(["upload", fifo, `${url}/it`, "--quiet"]);
  await appendFile(fifo, "through the pipe");
  expect((await exited).exitCode).toBe(0);
  expect(await visible()).toEqual(["it"]);
});
