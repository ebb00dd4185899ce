import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "../..");

let laidOut: Promise<string> | undefined;

/**
 * The command as it is once the packages were built, packed and installed: bundled, and nothing of it the source that
 * tests and clones run. Gives its path; it is there as long as this process. Fetches nothing.
 */
export function packedCommand(): Promise<string> {
  laidOut ??= layOutAll();
  return laidOut;
}

async function layOutAll(): Promise<string> {
  await promisify(execFile)(process.execPath, [join(root, "scripts/bundle-command.ts")], { cwd: root });
  const directory = mkdtempSync(join(tmpdir(), "trailsum-packed-"));
  process.on("exit", () => rmSync(directory, { recursive: true }));
  // A bundle without dependencies: what is published is these files, and a manifest.
  const from = join(root, "packages/cli");
  const to = join(directory, "node_modules/trailsum");
  await cp(join(from, "bundle"), join(to, "bundle"), { recursive: true });
  await cp(join(from, "package.json"), join(to, "package.json"));
  return join(to, "bundle/bin.js");
}
