import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { commandEnvironment, tempDir, trailsum } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { fileOf } from "./support/content.ts";
import { serve } from "./support/serving.ts";

const command = join(import.meta.dirname, "../src/bin.ts");

test.each(["/dev/stdout", "/dev/fd/1"])("a download to %s adds to the file that standard output is", async (name) => {
  const { url } = await serve();
  await trailsum(["upload", await fileOf(Buffer.from("content\n")), `${url}/it`]);
  const cwd = await tempDir();
  const line = `{ echo before; "$0" "$1" download "$2" -o ${name}; echo after; } > log`;
  await promisify(execFile)("sh", ["-c", line, process.execPath, command, `${url}/it`], {
    cwd,
    env: commandEnvironment({}),
  });
  expect(await readFile(join(cwd, "log"), "utf8")).toBe("before\ncontent\nafter\n");
});

test("help before a command is its --help, and alone that of all", async () => {
  const help = async (...args: string[]): Promise<string> => (await trailsum(args)).stdout;
  expect(await help("help", "probe")).toBe(await help("probe", "--help"));
  expect(await help("help")).toBe(await help("--help"));
  const { exitCode, stderr } = await trailsum(["help", "uplaod"]);
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining("did you mean")]);
});
