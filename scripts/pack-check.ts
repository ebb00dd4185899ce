// Builds and packs every package as it would be published, checks the tarballs, and uses them as a stranger would: installed
// by npm into an empty directory, outside this repository, where the programs of all pages run.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { checkTypes, foreignPackages, installNode, pagePrograms, runPageProgram, serveFiles } from "./page-programs.ts";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly bin?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const root = fileURLToPath(new URL("..", import.meta.url));
const work = mkdtempSync(join(tmpdir(), "trailsum-pack-"));

function run(what: string, command: string, args: readonly string[], cwd: string = root): string {
  const { error, status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (error === undefined && status === 0) {
    console.log(`ok    ${what}`);
    return stdout;
  }
  throw new Error(`${what}: ${command} ${args.join(" ")}\n${error?.message ?? `exit ${status}`}\n${stdout}${stderr}`);
}

/** Packs with the pnpm that runs this script (pnpm, or npx pnpm); without one, npx fetches it. */
function pnpm(what: string, args: readonly string[], cwd?: string): string {
  const self = process.env["npm_execpath"];
  if (self === undefined || !self.includes("pnpm")) return run(what, "npx", ["-y", "pnpm@12", ...args], cwd);
  return /\.[cm]?js$/.test(self) ? run(what, process.execPath, [self, ...args], cwd) : run(what, self, args, cwd);
}

function readManifest(directory: string): Manifest {
  return JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as Manifest;
}

function pack(directory: string, manifest: Manifest): string {
  const into = join(work, "tarballs", manifest.name.replace("/", "-"));
  mkdirSync(into, { recursive: true });
  pnpm(`pack ${manifest.name}`, ["pack", "--pack-destination", into], directory);
  const [tarball, ...others] = readdirSync(into);
  if (tarball === undefined || others.length > 0)
    throw new Error(`expected one tarball of ${manifest.name} in ${into}`);
  return join(into, tarball);
}

function checkTarball(manifest: Manifest, tarball: string): void {
  const bin = (name: string): string => join(root, "node_modules/.bin", name);
  run(`publint ${manifest.name}`, bin("publint"), ["run", tarball, "--strict"]);
  // A package that is only a command has no entry whose types could be wrong.
  if (manifest.exports?.["."] !== undefined)
    run(`attw ${manifest.name}`, bin("attw"), [tarball, "--profile", "esm-only"]);
}

/** Releases of Node: the oldest that the packages run under, and the current ones. */
const RELEASES = ["22.19.0", "24", "26"];

/** The version range of a package in the catalog of the workspace. */
function catalogRange(name: string): string {
  const catalog = readFileSync(join(root, "pnpm-workspace.yaml"), "utf8");
  const [, range] = new RegExp(`^ {2}"?${name}"?: (\\S+)$`, "m").exec(catalog) ?? [];
  if (range === undefined) throw new Error(`the catalog has no ${name}`);
  return range;
}

function useAsStranger(packed: readonly { manifest: Manifest; tarball: string }[]): string {
  const home = join(work, "stranger");
  mkdirSync(home);
  writeFileSync(join(home, "package.json"), JSON.stringify({ name: "stranger", private: true, type: "module" }));
  const tarballs = packed.map(({ tarball }) => tarball);
  run("npm install of the tarballs", "npm", ["install", "--no-audit", "--no-fund", ...tarballs], home);
  // Entries for a framework need the framework, which is an optional peer dependency.
  const peers = packed.flatMap(({ manifest }) => Object.entries(manifest.peerDependencies ?? {}));
  const ours = new Set(packed.map(({ manifest }) => manifest.name));
  const wanted = new Map(peers.filter(([name]) => !name.startsWith("@types/") && !ours.has(name)));
  const specifiers = [...wanted].map(([name, range]) => `${name}@${range}`);
  run("npm install of their peers", "npm", ["install", "--no-audit", "--no-fund", "--no-save", ...specifiers], home);
  for (const { manifest } of packed) {
    for (const entry of Object.keys(manifest.exports ?? {}).filter((path) => path !== "./package.json")) {
      const name = join(manifest.name, entry);
      const script = `if (Object.keys(await import(${JSON.stringify(name)})).length === 0) throw new Error("no exports")`;
      run(`import ${name}`, process.execPath, ["--input-type=module", "--eval", script], home);
    }
    for (const command of Object.keys(manifest.bin ?? {})) {
      const said = run(
        `${command} --version`,
        process.execPath,
        [join(home, "node_modules/.bin", command), "--version"],
        home,
      );
      if (said.trim() !== manifest.version)
        throw new Error(`${command} --version says ${said}, not ${manifest.version}`);
    }
  }
  return home;
}

/** Runs every program of the pages in the project that has the packages, under each release, as JavaScript and TypeScript. */
async function runPrograms(home: string): Promise<void> {
  const programs = pagePrograms(root);
  const needed = [...foreignPackages(programs), "@types/node"].map((name) => `${name}@${catalogRange(name)}`);
  run("npm install of what programs use", "npm", ["install", "--no-audit", "--no-fund", "--no-save", ...needed], home);
  await checkTypes(join(root, "node_modules/.bin/tsc"), home, programs);
  console.log(`ok    ${programs.length} programs type-check`);
  const binaries = await Promise.all(RELEASES.map((release) => installNode(release, work)));
  const { port, stop } = await serveFiles(process.execPath, home);
  try {
    for (const [at, node] of binaries.entries()) {
      const release = RELEASES[at]!;
      const runs = programs.flatMap((program, number) =>
        (["mjs", "mts"] as const).map((extension) => () => {
          const directory = join(home, `programs-${release}`, `${number}-${extension}`);
          return runPageProgram(node, program, { directory, extension, port });
        }),
      );
      // As many at a time as there are processors, in order.
      const queue = runs.values();
      const worker = async (): Promise<void> => {
        for (const next of queue) await next();
      };
      await Promise.all(Array.from({ length: availableParallelism() }, worker));
      console.log(`ok    ${runs.length} runs of programs under Node ${release}`);
    }
  } finally {
    stop();
  }
}

/** The commands by which the README installs the packages, in a shell with an empty home, until the command answers. */
function installAsReadme(version: string): void {
  const blocks = readFileSync(join(root, "README.md"), "utf8").matchAll(/^```sh\n(.*?)^```$/gms);
  const [packing, ...commands] = [...blocks].map(([, text = ""]) => text.trim().split("\n")).find(isPacking) ?? [];
  if (packing === undefined) throw new Error("the README does not say how to install packages");
  pnpm(packing, ["tarballs"]);
  const home = join(work, "home");
  mkdirSync(home);
  const script = commands.join("\n").replaceAll("../app", join(work, "app"));
  // How to reach the registry is the machine's affair: its certificates and proxies are kept.
  const kept = ["PATH", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];
  const env = { HOME: home, ...Object.fromEntries(kept.map((name) => [name, process.env[name] ?? ""])) };
  const said = run("the installation in the README", "env", [
    "-i",
    ...Object.entries(env)
      .filter(([, value]) => value !== "")
      .map(([name, value]) => `${name}=${value}`),
    "sh",
    "-ec",
    script,
  ]);
  if (said.trim().split("\n").at(-1) !== version) throw new Error(`the README's installation ends with: ${said}`);
}

function isPacking([first = ""]: readonly string[]): boolean {
  return first.endsWith(" tarballs");
}

try {
  // From nothing, so that no file of an older build is packed.
  const directories = readdirSync(join(root, "packages")).map((name) => join(root, "packages", name));
  for (const directory of directories) rmSync(join(directory, "dist"), { recursive: true, force: true });
  pnpm("build", ["build"]);
  const packed = directories
    .map((directory) => ({ directory, manifest: readManifest(directory) }))
    .filter(({ manifest }) => manifest.private !== true)
    .map(({ directory, manifest }) => ({ manifest, tarball: pack(directory, manifest) }));
  for (const { manifest, tarball } of packed) checkTarball(manifest, tarball);
  const home = useAsStranger(packed);
  await runPrograms(home);
  installAsReadme(packed[0]?.manifest.version ?? "");
} finally {
  rmSync(join(root, "tarballs"), { recursive: true, force: true });
  rmSync(work, { recursive: true, force: true });
}
