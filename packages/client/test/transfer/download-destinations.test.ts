import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, lstat, mkdir, open, readdir, readFile, readlink, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

import { type Listening, tempDir } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { download, type DownloadDestination, type Progress } from "../../src/index.ts";
import { httpServer, rejection } from "./peers.ts";

const content = Buffer.alloc(300_000, "trailsum");
const digest = `md5=:${createHash("md5").update(content).digest("base64")}:`;

/** A server that offers `content`, and its digest in the header: the right one, or another. */
function offering(reprDigest = digest): Promise<Listening> {
  return httpServer((_request, response) => {
    response.writeHead(200, { "Repr-Digest": reprDigest, "Content-Length": content.length }).end(content);
  });
}

const wrong = "md5=:AAAAAAAAAAAAAAAAAAAAAA==:";

describe("a download into a file", () => {
  test.each([
    ["a path", (path: string) => path],
    ["a file: URL", (path: string) => pathToFileURL(path)],
  ])("named by %s makes that file and no other", async (_how, name) => {
    const server = await offering();
    const directory = await tempDir();
    const result = await download(server.origin, name(join(directory, "fi le")));
    expect(result.verdict.name).toBe("verified");
    expect(await readdir(directory)).toEqual(["fi le"]);
    expect((await readFile(join(directory, "fi le"))).equals(content)).toBe(true);
  });

  test("replaces what was there, and keeps who may read it", async () => {
    const server = await offering();
    const path = join(await tempDir(), "file");
    await writeFile(path, "before");
    // More than the usual mask lets a new file have, and less than it is given otherwise.
    await chmod(path, 0o660);
    const held = await open(path);
    await download(server.origin, path);
    expect((await readFile(path)).equals(content)).toBe(true);
    expect((await stat(path)).mode & 0o777).toBe(0o660);
    // Replaced, and not written over: who has the old one open keeps reading it.
    expect(await held.readFile("utf8")).toBe("before");
    await held.close();
  });

  test("that is not accepted leaves what was there, and nothing else", async () => {
    const server = await offering(wrong);
    const directory = await tempDir();
    await writeFile(join(directory, "file"), "before");
    expect((await rejection(download(server.origin, join(directory, "file")))).code).toBe("DIGEST_MISMATCHED");
    expect(await readdir(directory)).toEqual(["file"]);
    expect(await readFile(join(directory, "file"), "utf8")).toBe("before");
  });

  test("by way of a link replaces what that leads to", async () => {
    const server = await offering();
    const directory = await tempDir();
    await mkdir(join(directory, "elsewhere"));
    await writeFile(join(directory, "elsewhere", "file"), "before");
    await symlink(join("elsewhere", "file"), join(directory, "link"));
    await download(server.origin, join(directory, "link"));
    expect((await lstat(join(directory, "link"))).isSymbolicLink()).toBe(true);
    expect((await readFile(join(directory, "elsewhere", "file"))).equals(content)).toBe(true);
    expect(await readdir(join(directory, "elsewhere"))).toEqual(["file"]);
  });

  test("by way of a link that leads to nothing yet makes what it leads to, and keeps the link", async () => {
    const server = await offering();
    const directory = await tempDir();
    await mkdir(join(directory, "elsewhere"));
    await symlink(join("elsewhere", "other"), join(directory, "link"));
    await symlink("link", join(directory, "link to it"));
    await download(server.origin, join(directory, "link to it"));
    expect(await readlink(join(directory, "link to it"))).toBe("link");
    expect(await readlink(join(directory, "link"))).toBe(join("elsewhere", "other"));
    expect((await readFile(join(directory, "elsewhere", "other"))).equals(content)).toBe(true);
  });

  test.each([
    ["into a directory that does not exist", "nowhere/file", "its directory does not exist"],
    ["back to itself", "link", "a link that leads back to itself"],
  ])("by way of a link %s fails, and keeps the link", async (_where, target, sentence) => {
    const server = await offering();
    const directory = await tempDir();
    await symlink(target, join(directory, "link"));
    const error = await rejection(download(server.origin, join(directory, "link")));
    expect(error).toMatchObject({ code: "FILE_UNWRITABLE", message: expect.stringContaining(sentence) });
    expect(await readlink(join(directory, "link"))).toBe(target);
  });

  test("has its own name while it is under way, and is not seen under the one that is wanted", async () => {
    const server = await offering();
    const directory = await tempDir();
    const seen: string[][] = [];
    const watching: Promise<void>[] = [];
    const onProgress = (): void => void watching.push(readdir(directory).then((names) => void seen.push(names)));
    await download(server.origin, join(directory, "file"), { onProgress });
    await Promise.all(watching);
    expect(seen[0]).toEqual([expect.stringMatching(/^\.file\.[0-9a-f]{12}-\d+-\d+-[0-9a-f]{16}\.trailsum$/)]);
  });

  test.each([
    ["of letters", "x".repeat(255)],
    ["in another script", "\u6587".repeat(85)],
    ["outside of the basic plane", "\u{1f40e}".repeat(63)],
  ])("whose name is as long as a name can be, %s, is made", async (_kind, name) => {
    const server = await offering();
    const directory = await tempDir();
    await download(server.origin, join(directory, name));
    expect(await readdir(directory)).toEqual([name]);
  });

  test("that is a pipe goes through the pipe, which stays one", async () => {
    const server = await offering();
    const path = join(await tempDir(), "pipe");
    await promisify(execFile)("mkfifo", [path]);
    const downloaded = download(server.origin, path);
    const reader = await open(path);
    expect((await reader.readFile()).equals(content)).toBe(true);
    await reader.close();
    expect((await downloaded).verdict.name).toBe("verified");
    expect((await stat(path)).isFIFO()).toBe(true);
  });

  test("that is a pipe without a reader is waited for, until the download is cancelled", async () => {
    const server = await offering();
    const path = join(await tempDir(), "pipe");
    await promisify(execFile)("mkfifo", [path]);
    // More of them than Node has threads for files.
    const controllers = Array.from({ length: 5 }, () => new AbortController());
    const downloads = controllers.map(({ signal }) => rejection(download(server.origin, path, { signal })));
    await stat(path);
    for (const controller of controllers) controller.abort();
    for (const downloaded of downloads) expect((await downloaded).code).toBe("ABORTED");
  });

  test("that is a device leaves the device in place", async () => {
    const server = await offering();
    await download(server.origin, "/dev/null");
    expect((await stat("/dev/null")).isCharacterDevice()).toBe(true);
  });

  test.skipIf(!existsSync("/dev/full"))("that is a device without room says so", async () => {
    const server = await offering();
    const error = await rejection(download(server.origin, "/dev/full"));
    expect(error).toMatchObject({ code: "NO_SPACE", message: expect.stringContaining("no space left") });
  });

  test.each([
    ["whose directory is not there", "nowhere/file", "its directory does not exist"],
    ["that is a directory", "", "is a directory: name a file in it"],
    ["whose name ends as a directory's", "new/", "names no file"],
    ["beneath a file", "file/file", "what should be its directory is a file"],
    ["whose name is too long", "x".repeat(256), "its name is too long"],
  ])("%s fails, and leaves nothing", async (_fault, name, sentence) => {
    const server = await offering();
    const directory = await tempDir();
    await writeFile(join(directory, "file"), "before");
    const path = name === "" ? directory : `${directory}/${name}`;
    const error = await rejection(download(server.origin, path));
    expect(error).toMatchObject({ code: "FILE_UNWRITABLE", message: expect.stringContaining(sentence) });
    expect(await readdir(directory)).toEqual(["file"]);
  });

  test.each([
    ["a URL of another scheme", "USAGE", new URL("http://host/file")],
    ["nothing", "FILE_UNWRITABLE", ""],
    ["a number", "USAGE", 5],
    ["undefined", "USAGE", undefined],
  ])("named by %s is refused before it connects", async (_kind, code, destination) => {
    const server = await offering();
    expect((await rejection(download(server.origin, destination as DownloadDestination))).code).toBe(code);
    expect(server.connections()).toBe(0);
  });
});

test("the progress of a download only grows, and ends at its size", async () => {
  const server = await offering();
  const seen: Progress[] = [];
  const path = join(await tempDir(), "file");
  await download(server.origin, path, { onProgress: (progress) => seen.push(progress) });
  expect(seen.at(-1)).toEqual({ transferred: content.length, total: content.length, phase: "verifying" });
  expect(seen.every(({ transferred }, at) => transferred > (seen[at - 1]?.transferred ?? 0))).toBe(true);
});

describe("a download into a stream", () => {
  /** A Writable that keeps what it is given. */
  function collector(highWaterMark: number): Writable & { readonly chunks: Buffer[] } {
    const chunks: Buffer[] = [];
    const write = (chunk: Buffer, _encoding: string, done: () => void): void => {
      chunks.push(chunk);
      setImmediate(done);
    };
    return Object.assign(new Writable({ highWaterMark, write }), { chunks });
  }

  test.each([1, 16_384, 10_000_000])("of Node with room for %i bytes gives all of it, and ends it", async (room) => {
    const server = await offering();
    const writable = collector(room);
    await download(server.origin, writable);
    expect(Buffer.concat(writable.chunks).equals(content)).toBe(true);
    expect(writable.writableFinished).toBe(true);
  });

  test("of Node that was full when it was given loses nothing", async () => {
    const server = await offering();
    const writable = collector(4);
    writable.write("before ");
    expect(writable.writableNeedDrain).toBe(true);
    await download(server.origin, writable);
    expect(Buffer.concat(writable.chunks).equals(Buffer.concat([Buffer.from("before "), content]))).toBe(true);
  });

  test("of Node that is not accepted destroys it, and never ends it", async () => {
    const server = await offering(wrong);
    const writable = collector(16_384);
    const error = await rejection(download(server.origin, writable));
    expect(error.code).toBe("DIGEST_MISMATCHED");
    expect(writable).toMatchObject({ destroyed: true, writableEnded: false, errored: error });
  });

  test("of the web gives all of it, and closes it", async () => {
    const server = await offering();
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const [bytes] = await Promise.all([new Response(readable).bytes(), download(server.origin, writable)]);
    expect(content.equals(bytes)).toBe(true);
  });

  test("of the web that is not accepted aborts it with the error", async () => {
    const server = await offering(wrong);
    const { promise: aborted, resolve: abort } = Promise.withResolvers<unknown>();
    const error = await rejection(download(server.origin, new WritableStream({ abort })));
    expect(error.code).toBe("DIGEST_MISMATCHED");
    expect(await aborted).toBe(error);
  });

  const breaking = (): Error => new Error("the tape is full");
  const failing: readonly [how: string, make: () => Writable | WritableStream<Uint8Array>][] = [
    ["a Node stream in a write", () => new Writable({ write: (_chunk, _encoding, done) => done(breaking()) })],
    [
      "a Node stream at its end",
      () => new Writable({ write: (_chunk, _encoding, done) => done(), final: (done) => done(breaking()) }),
    ],
    ["a web stream in a write", () => new WritableStream({ write: () => Promise.reject(breaking()) })],
    ["a web stream at its end", () => new WritableStream({ close: () => Promise.reject(breaking()) })],
  ];
  test.each(failing)("that fails fails with it: %s", async (_how, make) => {
    const server = await offering();
    const error = await rejection(download(server.origin, make()));
    expect(error).toMatchObject({
      code: "FILE_UNWRITABLE",
      message: "cannot write what was downloaded: the tape is full",
    });
  });

  const locked = new WritableStream<Uint8Array>();
  locked.getWriter();
  test.each([
    ["was ended", new PassThrough().end()],
    ["was destroyed", new PassThrough().destroy()],
    ["is locked", locked],
  ])("that %s is refused before it connects", async (_how, destination) => {
    const server = await offering();
    expect((await rejection(download(server.origin, destination))).code).toBe("USAGE");
    expect(server.connections()).toBe(0);
  });
});
