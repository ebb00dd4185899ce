import { execFile } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";

import { tempDir, trailsum } from "@trailsum/testkit";
import { expect, onTestFinished, test } from "vitest";

import { serve } from "./support/serving.ts";

/** A descriptor that is closed when the test ends. */
function opened(path: string, flags: string): number {
  const descriptor = openSync(path, flags);
  onTestFinished(() => closeSync(descriptor));
  return descriptor;
}

test("standard input that is a directory or cannot be read is an error, and nothing is stored", async () => {
  const { url, visible } = await serve();
  const directory = await tempDir();
  const unreadable = opened(join(directory, "file"), "w");
  for (const [stdin, says] of [
    [opened(directory, "r"), "cannot read standard input: it is a directory"],
    [unreadable, /EBADF/],
  ] as const) {
    const { exitCode, stdout, stderr } = await trailsum(["upload", "-", `${url}/it`], { stdio: { stdin } });
    expect([exitCode, stdout]).toEqual([5, ""]);
    expect(stderr).toMatch(says);
  }
  expect(await visible()).toEqual([]);
});

test("standard input that is closed is an error, and one that is empty is an empty file", async () => {
  const { url, visible } = await serve();
  const bin = join(import.meta.dirname, "../src/bin.ts");
  const run = (redirection: string): Promise<unknown> =>
    new Promise((resolve) => {
      const line = `"$0" "$1" upload - "$2" ${redirection}`;
      execFile("sh", ["-c", line, process.execPath, bin, `${url}/it`], (error, stdout, stderr) =>
        resolve([error?.code ?? 0, stdout, stderr]),
      );
    });
  expect(await run("<&-")).toEqual([5, "", "trailsum: cannot read standard input: it is closed\n"]);
  expect(await visible()).toEqual([]);
  const empty = "d41d8cd98f00b204e9800998ecf8427e  -\n";
  expect(await run("</dev/null")).toEqual([0, empty, ""]);
  expect(await visible()).toEqual(["it"]);
});
