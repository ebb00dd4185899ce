import { execFile } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { withFreePorts } from "@trailsum/testkit";
import { expect, onTestFinished, test } from "vitest";

const readme = await readFile(join(import.meta.dirname, "../README.md"), "utf8");
const programs = [...readme.matchAll(/^```js\n(.*?)^```$.*?^```\n(.*?)^```$/gms)].map(
  ([, program = "", printed = ""]) => ({ program, printed }),
);

test("the README has a program for the session and one for the listener", () => {
  expect(programs.map(({ program }) => /ServerSession|createListener/.exec(program)?.[0])).toEqual([
    "ServerSession",
    "createListener",
  ]);
});

test.each(programs)("program %# in the README prints what it is said to print", async ({ program, printed }) => {
  // In this directory, where the packages are found.
  const file = join(import.meta.dirname, `readme-${process.pid}.mjs`);
  await writeFile(file, await withFreePorts(program));
  onTestFinished(() => rm(file));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [file], { timeout: 60_000 });
  expect(stderr).toBe("");
  expect(stdout).toBe(printed);
});
