import { execFile, spawn } from "node:child_process";
import { copyFile, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";

import { md5, patterned } from "./support/content.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../../..");

let directory: string;
let bin: string;

/** A program that the command runs first, which prints the modules of Node and the files that were loaded in the end. */
const LISTING = `
  import { registerHooks } from "node:module";
  const files = [];
  registerHooks({ load(url, context, next) { if (url.startsWith("file:")) files.push(url); return next(url, context); } });
  process.on("exit", () => process.stderr.write([...process.moduleLoadList, ...files].join("\\n")));
`;

beforeAll(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), "trailsum-bundle-")));
  await run(process.execPath, [join(root, "scripts/bundle-command.ts"), join(directory, "bundle")], { cwd: root });
  await copyFile(join(root, "packages/cli/package.json"), join(directory, "package.json"));
  await writeFile(join(directory, "listing.mjs"), LISTING);
  bin = join(directory, "bundle/bin.js");
});

afterAll(() => rm(directory, { recursive: true, force: true }));

/** Runs the bundle; gives what it printed, and the names of the modules of Node and the URLs of the files that it loaded. */
async function bundled(args: readonly string[]): Promise<{ stdout: string; loaded: Set<string> }> {
  const { stdout, stderr } = await run(process.execPath, ["--import", "./listing.mjs", bin, ...args], {
    cwd: directory,
  });
  const loaded = stderr.split("\n").map((line) => line.replace(/^NativeModule /, ""));
  return { stdout, loaded: new Set(loaded) };
}

async function serveBundled(): Promise<string> {
  const server = spawn(process.execPath, [bin, "serve", "files", "--port", "0"], { cwd: directory });
  onTestFinished(async () => {
    const exited = new Promise((resolve) => server.once("exit", resolve));
    server.kill();
    await exited;
  });
  let output = "";
  server.stdout.on("data", (piece: Buffer) => (output += piece.toString()));
  await expect.poll(() => output).toMatch(/listening on \S+\n/);
  return /listening on (\S+)/.exec(output)![1]!;
}

describe("the command as it is published", () => {
  test("needs no package, and uploads and downloads with its own server", async () => {
    const url = await serveBundled();
    // Enough for a hashing thread, which runs a file of the bundle.
    const content = patterned(3_000_000);
    await writeFile(join(directory, "large"), content);
    const up = await bundled(["upload", "large", `${url}/large`, "--no-delivery-cache"]);
    expect(up.stdout).toBe(`${md5(content)}  large\n`);
    expect(up.loaded).toContain("worker_threads");
    await bundled(["download", `${url}/large`, "-o", "copy", "--require", "verified"]);
    expect(md5(await readFile(join(directory, "copy")))).toBe(md5(content));
  });

  test("loads for a short upload nothing that takes as long as the upload", async () => {
    const url = await serveBundled();
    await writeFile(join(directory, "small"), "small");
    const { stdout, loaded } = await bundled(["upload", "small", `${url}/small`, "--no-delivery-cache"]);
    expect(stdout).toMatch(/ small$/m);
    expect(loaded).toContain("net");
    expect(["http", "http2", "tls", "cluster"].filter((name) => loaded.has(name))).toEqual([]);
    // Finding a file takes as long as compiling what is in it.
    expect([...loaded].filter((name) => name.startsWith("file:")).length).toBeLessThan(10);
  });

  test("loads no command for help, and knows its version", async () => {
    const { stdout, loaded } = await bundled(["--help"]);
    expect(stdout).toContain("trailsum upload");
    expect(["crypto", "http", "tls"].filter((name) => loaded.has(name))).toEqual([]);
    const manifest = JSON.parse(await readFile(join(directory, "package.json"), "utf8")) as { version: string };
    expect((await bundled(["--version"])).stdout).toBe(`${manifest.version}\n`);
  });

  test("plays the demo", async () => {
    const { stdout } = await bundled(["demo", "--json"]);
    const scenes = stdout
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { ok: boolean }).ok);
    expect(scenes).toEqual([true, true, true, true, true, true]);
  });

  test("states the terms of every package in it", async () => {
    const licences = await readFile(join(directory, "bundle/LICENSES.txt"), "utf8");
    for (const name of ["undici", "hash-wasm", "leven"]) {
      expect(licences).toMatch(new RegExp(`^${name} [\\d.]+ \\(MIT\\)\n\n[^]*?Permission is hereby granted`, "m"));
    }
  });
});
