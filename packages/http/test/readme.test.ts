import { execFile } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { expect, onTestFinished, test } from "vitest";

test("the program in the README prints what it is said to print", async () => {
  const readme = await readFile(join(import.meta.dirname, "../README.md"), "utf8");
  const [, program = "", printed = ""] = /^```js\n(.*?)^```$.*?^```\n(.*?)^```$/ms.exec(readme) ?? [];
  // In this directory, where the packages are found.
  const file = join(import.meta.dirname, `readme-${process.pid}.mjs`);
  await writeFile(file, program);
  onTestFinished(() => rm(file));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [file], { timeout: 15_000 });
  expect(stderr).toBe("");
  expect(stdout).toBe(printed);
});
