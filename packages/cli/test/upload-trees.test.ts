import { execFile } from "node:child_process";
import { chmod, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";

import { rawServer, tempDir } from "@trailsum/testkit";
import { beforeEach, describe, expect, test } from "vitest";

import { commandProcess } from "./support/command-process.ts";
import { md5 } from "./support/content.ts";
import { serve } from "./support/serving.ts";

const trailsum = commandProcess();

const run = promisify(execFile);

let cwd: string;

beforeEach(async () => {
  cwd = await tempDir();
});

/** Writes files, by their paths from `cwd`, each with its path as its content. */
async function files(...paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(join(cwd, path, ".."), { recursive: true });
    await writeFile(join(cwd, path), path);
  }
}

const lines = (text: string): string[] => text.trimEnd().split("\n").toSorted();

describe("two sources with one destination are refused before anything is sent:", () => {
  test.each([
    ["files with one name", ["A/f", "B/f"], ["A/f", "B/f"]],
    ["a file given twice", ["A/f", "A/f"], ["A/f", "A/f"]],
    ["a file given twice in other words", ["A/f", "./A//f"], ["A/f", "./A//f"]],
    ["the contents of two directories", ["A/", "B/"], ["A/f", "B/f"]],
    ["a file and the contents of a directory", ["B/deep/g", "C/"], ["B/deep/g", "C/g"]],
    ["directories with one name", ["A/same", "B/same"], ["A/same/x", "B/same/x"]],
    ["the contents of a directory and a directory", ["A/same", "C"], ["A/same/x", "C/same/x"]],
  ])("%s", async (_name, sources, [one, other]) => {
    await files("A/f", "B/f", "B/deep/g", "C/g", "A/same/x", "B/same/x", "B/same/y", "C/same/x");
    const { url, visible } = await serve();
    // The last one is given by what is in it.
    const given = sources.map((source) => (source === "C" ? "C/" : source));
    const { exitCode, stdout, stderr } = await trailsum(["upload", "A/same/x", ...given, `${url}/d/`], { cwd });
    expect([exitCode, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^trailsum: \S+ and \S+ would both be uploaded as \S+: upload one of them elsewhere\n$/);
    expect([...stderr.matchAll(/(\S+) and (\S+) would/g)].map(([, a, b]) => [a, b])).toEqual([[one, other]]);
    expect(await visible()).toEqual([]);
  });

  test("names that differ are not", async () => {
    await files("A/f", "B/g", "A/same/x", "B/same/y", "F");
    const { url, visible } = await serve();
    const { exitCode } = await trailsum(["upload", "A/", "B/", "A", "F", `${url}/`, "--quiet"], { cwd });
    expect(exitCode).toBe(0);
    expect(await visible()).toEqual(["A/f", "A/same/x", "F", "f", "g", "same/x", "same/y"]);
  });
});

test("everything in a directory that cannot be uploaded is named, and the rest is uploaded", async () => {
  await files("tree/a", "tree/sub/b", "tree/real/c");
  await mkdir(join(cwd, "tree/empty"));
  await symlink("real", join(cwd, "tree/link"));
  await symlink("..", join(cwd, "tree/sub/up"));
  await symlink("nowhere", join(cwd, "tree/dangling"));
  await symlink("self", join(cwd, "tree/self"));
  await symlink("/dev/null", join(cwd, "tree/device"));
  await run("mkfifo", [join(cwd, "tree/pipe")]);
  await listenAt(join(cwd, "tree/socket"));
  const { url, visible } = await serve();
  const { exitCode, stderr } = await trailsum(["upload", "tree/", `${url}/`], { cwd });
  expect(exitCode).toBe(5);
  expect(lines(stderr)).toEqual([
    "trailsum: 7 of the entries found in directories could not be uploaded",
    "trailsum: cannot upload tree/dangling: it is a symbolic link to something that does not exist",
    "trailsum: cannot upload tree/device: it is a device",
    "trailsum: cannot upload tree/empty: it is an empty directory",
    "trailsum: cannot upload tree/pipe: it is a named pipe",
    "trailsum: cannot upload tree/self: it is a symbolic link that leads back to itself",
    "trailsum: cannot upload tree/socket: it is a socket",
    "trailsum: cannot upload tree/sub/up: it is a link to a directory that it is in",
  ]);
  expect(await visible()).toEqual(["a", "link/c", "real/c", "sub/b"]);
});

test("--links skip skips links, reports them, and exits with 0", async () => {
  await files("tree/a", "tree/real/c", "tree/.trailsum/x", "tree/deep/.trailsum");
  await symlink("real", join(cwd, "tree/link"));
  await symlink("a", join(cwd, "tree/file"));
  const { url, visible } = await serve(["--dotfiles"]);
  const { exitCode, stdout, stderr } = await trailsum(["upload", "tree/", `${url}/`, "--links", "skip", "--json"], {
    cwd,
  });
  expect(exitCode).toBe(0);
  expect(lines(stderr)).toEqual([
    "trailsum: 3 of the entries found in directories were skipped",
    "trailsum: skipped tree/.trailsum: a trailsum server keeps its own files there",
    "trailsum: skipped tree/file: it is a symbolic link",
    "trailsum: skipped tree/link: it is a symbolic link",
  ]);
  expect(lines(stdout)).toContain(JSON.stringify({ file: "tree/link", skipped: "it is a symbolic link" }));
  expect(await visible()).toEqual(["a", "deep/.trailsum", "real/c"]);
});

test("a file named .trailsum is uploaded", async () => {
  await files("tree/.trailsum");
  const { url, visible } = await serve(["--dotfiles"]);
  expect((await trailsum(["upload", "tree/", `${url}/sub/`], { cwd })).exitCode).toBe(0);
  expect(await visible()).toEqual(["sub/.trailsum"]);
});

// Root may list every directory: the command then runs as someone else, where that is possible.
const bin = join(import.meta.dirname, "../src/bin.ts");
const asUser = process.getuid?.() === 0 ? ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"] : [];
const isUser = await run("env", [...asUser, process.execPath, bin, "--version"]).then(
  () => true,
  () => false,
);

test.runIf(isUser)(
  `a directory that cannot be listed does not end the upload of the others${isUser ? "" : " (skipped: no setpriv)"}`,
  async () => {
    await files("tree/a", "tree/private/b", "tree/z/z", "other");
    await chmod(cwd, 0o755);
    await chmod(join(cwd, "tree/private"), 0);
    const { url, visible } = await serve();
    const args = [...asUser, process.execPath, bin, "upload", "tree/", "tree/private", "other", `${url}/`];
    const { code, stderr } = await run("env", args, { cwd }).then(
      ({ stderr: said }) => ({ code: 0, stderr: said }),
      (error: { code: number; stderr: string }) => error,
    );
    await chmod(join(cwd, "tree/private"), 0o755);
    expect(code).toBe(5);
    expect(lines(stderr)).toEqual([
      "trailsum: 2 of the entries found in directories could not be uploaded",
      "trailsum: cannot upload tree/private: it cannot be listed: no permission to read it",
      "trailsum: cannot upload tree/private: it cannot be listed: no permission to read it",
    ]);
    expect(await visible()).toEqual(["a", "other", "z/z"]);
  },
);

describe("a name that is not UTF-8", () => {
  const latin1 = Buffer.from("caf\u00e9", "latin1");

  /** A server that takes every upload, and the targets of its requests. */
  async function accepting(): Promise<{ origin: string; targets: string[] }> {
    const targets: string[] = [];
    const { origin } = await rawServer(async (connection) => {
      targets.push((await connection.readHead()).toString().split(" ")[1]!);
      await connection.readUntil("\r\n0\r\n");
      await connection.readHead();
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });
    return { origin, targets };
  }

  test("is sent, and printed, byte for byte", async () => {
    await mkdir(join(cwd, "tree"));
    const small = Buffer.concat([Buffer.from(join(cwd, "tree/")), latin1]);
    await writeFile(small, "small");
    const large = Buffer.alloc(100_000);
    await writeFile(Buffer.concat([small, Buffer.from(".large")]), large);
    const { origin, targets } = await accepting();
    const found = await trailsum(["upload", "tree/", `${origin}/`, "--jobs", "1"], { cwd });
    expect([found.exitCode, found.stderr, targets.toSorted()]).toEqual([0, "", ["/caf%E9", "/caf%E9.large"]]);
    expect(lines(found.stdoutBytes.toString("latin1"))).toEqual(
      [`${md5(Buffer.from("small"))}  tree/caf\u00e9`, `${md5(large)}  tree/caf\u00e9.large`].toSorted(),
    );
  });

  test.runIf(process.platform === "linux")("can be given as an argument, on Linux", async () => {
    await writeFile(Buffer.concat([Buffer.from(join(cwd, "/")), latin1]), "small");
    const { origin, targets } = await accepting();
    // A shell passes it on as it is.
    const shell = ["-c", `"$0" "$1" upload caf* "$2"`, process.execPath, bin, `${origin}/`];
    const { stdout } = await run("sh", shell, { cwd, encoding: "latin1" });
    expect([stdout, targets]).toEqual([`${md5(Buffer.from("small"))}  caf\u00e9\n`, ["/caf%E9"]]);
  });
});

test("a name with a tab, a newline and a backslash is sent as it is, and escaped in messages", async () => {
  const name = "t\tab\nn\\b";
  await files(`tree/${name}`);
  const { url } = await serve();
  const refused = await trailsum(["upload", "tree/", `${url}/`], { cwd });
  expect([refused.exitCode, lines(refused.stderr).length]).toEqual([4, 1]);
  await symlink("nowhere", join(cwd, `tree/${name}2`));
  const { stderr } = await trailsum(["upload", "tree/", `${url}/`], { cwd });
  expect(stderr).toContain(String.raw`trailsum: cannot upload tree/t\u0009ab\u000an\b2: it is a symbolic link`);
  expect(await readFile(join(cwd, `tree/${name}`), "utf8")).toBe(`tree/${name}`);
});

async function listenAt(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  server.unref();
}
