import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cp, mkdir, readdir, readFile, realpath, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "../..");

interface Manifest {
  readonly name: string;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly publishConfig: { readonly bin?: Readonly<Record<string, string>>; readonly exports?: unknown };
}

let laidOut: Promise<string> | undefined;

/**
 * The command as it is once the packages were built, packed and installed: compiled, and nothing of it the source that
 * tests and clones run. Gives its path; it is there as long as this process. Fetches nothing.
 */
export function packedCommand(): Promise<string> {
  laidOut ??= layOutAll();
  return laidOut;
}

async function layOutAll(): Promise<string> {
  await promisify(execFile)(join(root, "node_modules/.bin/tsc"), ["-b", "packages/cli"], { cwd: root });
  const directory = mkdtempSync(join(tmpdir(), "trailsum-packed-"));
  process.on("exit", () => rmSync(directory, { recursive: true }));
  const packages = (await readdir(join(root, "packages"))).map((name) => join(root, "packages", name));
  await Promise.all(packages.map((from) => layOut(from, directory)));
  return join(directory, "node_modules/trailsum/dist/bin.js");
}

async function layOut(from: string, directory: string): Promise<void> {
  const manifest = JSON.parse(await readFile(join(from, "package.json"), "utf8")) as Manifest;
  const { publishConfig, dependencies, peerDependencies } = manifest;
  const to = join(directory, "node_modules", manifest.name);
  await mkdir(join(to, "node_modules"), { recursive: true });
  await cp(join(from, "dist"), join(to, "dist"), { recursive: true });
  await writeFile(join(to, "package.json"), JSON.stringify({ ...manifest, ...publishConfig }));
  for (const name of Object.keys({ ...dependencies, ...peerDependencies })) {
    // Those of this project lie beside it.
    if (name.startsWith("@trailsum/")) continue;
    const link = join(to, "node_modules", name);
    await mkdir(join(link, ".."), { recursive: true });
    await symlink(await realpath(join(from, "node_modules", name)), link);
  }
}
