import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { withFreePorts } from "@trailsum/testkit";
import { onTestFinished } from "vitest";

const root = join(import.meta.dirname, "../../../..");

/** A directory in the clone, so that a program in it finds packages as it would from there. */
export async function programDirectory(): Promise<string> {
  await mkdir(join(root, ".readme"), { recursive: true });
  const directory = await mkdtemp(join(root, ".readme", "block-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Runs a program of a page in a directory, and returns the lines that it prints. */
export async function runProgram(code: string, directory: string): Promise<string[]> {
  await writeFile(join(directory, "block.mjs"), await withFreePorts(code));
  const { stdout } = await promisify(execFile)(process.execPath, ["block.mjs"], { cwd: directory });
  return stdout.trim().split("\n");
}

/** What the comments after each `console.log` say that it prints. */
export function expectedOutput(code: string): string[] {
  const lines = code.split("\n");
  return lines
    .filter((line, at) => line.startsWith("// ") && lines[at - 1]!.startsWith("console.log"))
    .map((line) => line.slice(3));
}
