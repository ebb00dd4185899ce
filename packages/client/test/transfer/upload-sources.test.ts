import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

import { tempDir } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { upload, type UploadSource } from "../../src/index.ts";
import { httpServer, receiver, rejection } from "./peers.ts";

const text = "gr\u00fc\u00dfe!";
const bytes = Buffer.from(text);
const half = bytes.length / 2;
const halves = [bytes.subarray(0, half), bytes.subarray(half)] as const;

async function* generated(): AsyncGenerator<Uint8Array | string> {
  yield* halves;
  await Promise.resolve();
}

async function file(content: Uint8Array | string = bytes): Promise<string> {
  const path = join(await tempDir(), "source");
  await writeFile(path, content);
  return path;
}

const sources: readonly [kind: string, make: () => UploadSource | Promise<UploadSource>][] = [
  ["a path", () => file()],
  ["a file: URL", async () => pathToFileURL(await file())],
  ["a Buffer", () => bytes],
  ["an ArrayBuffer", () => Uint8Array.from(bytes).buffer],
  ["a Uint8Array that is a view of a larger buffer", () => Buffer.concat([bytes, bytes]).subarray(0, bytes.length)],
  ["a typed array of larger elements", () => new Uint16Array(Uint8Array.from(bytes).buffer)],
  ["a DataView", () => new DataView(Uint8Array.from(bytes).buffer)],
  ["a Blob", () => new Blob([...halves])],
  ["a Node stream of bytes", () => Readable.from(halves)],
  ["a Node stream of strings", () => Readable.from([text.slice(0, 3), text.slice(3)])],
  ["a stream of a file", async () => createReadStream(await file())],
  ["a Node stream that was written to before", () => new PassThrough().end(bytes)],
  ["a web stream", () => ReadableStream.from(halves)],
  ["a web stream of strings", () => ReadableStream.from([text])],
  ["an async iterable", generated],
  ["an array of bytes", () => halves],
  ["an array of strings", () => [text.slice(0, 3), "", text.slice(3)]],
  ["a Set", () => new Set(halves)],
  ["a generator", () => halves.values()],
];

describe("an upload sends", () => {
  test.each(sources)("%s", async (_kind, make) => {
    const server = await receiver();
    const result = await upload(`${server.origin}/a`, await make());
    expect(result.digests.size).toBe(bytes.length);
    expect(server.uploads).toMatchObject([{ content: bytes, complete: true }]);
    expect(server.uploads[0]!.trailer.get("Size")).toBe(String(bytes.length));
  });

  const nothing: readonly [kind: string, make: () => UploadSource | Promise<UploadSource>][] = [
    ["a file", () => file("")],
    ["a Buffer", () => Buffer.alloc(0)],
    ["a Blob", () => new Blob([])],
    ["a Node stream", () => Readable.from([])],
    ["a web stream", () => ReadableStream.from([])],
    ["an iterable", () => []],
    ["an iterable of empty strings", () => ["", ""]],
  ];
  test.each(nothing)("%s without content, followed by trailers", async (_kind, make) => {
    const server = await receiver();
    const result = await upload(server.origin, await make());
    expect(result.digests.size).toBe(0);
    expect(server.uploads).toMatchObject([{ content: Buffer.alloc(0), complete: true }]);
    expect([...server.uploads[0]!.trailer]).toEqual([
      ["Md5", "d41d8cd98f00b204e9800998ecf8427e"],
      ["Size", "0"],
      ["Content-Digest", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:, md5=:1B2M2Y8AsgTpgAmY7PhCfg==:"],
    ]);
  });

  test("a named pipe", async () => {
    const server = await receiver();
    const path = join(await tempDir(), "pipe");
    await promisify(execFile)("mkfifo", [path]);
    const uploaded = upload(server.origin, path);
    const writer = await open(path, "w");
    await writer.writeFile(bytes);
    await writer.close();
    expect((await uploaded).digests.size).toBe(bytes.length);
    expect(server.uploads).toMatchObject([{ content: bytes }]);
  });

  test("a named pipe that is opened and closed with nothing written to it", async () => {
    const server = await receiver();
    const path = join(await tempDir(), "pipe");
    await promisify(execFile)("mkfifo", [path]);
    const uploaded = upload(server.origin, path);
    await (await open(path, "w")).close();
    expect((await uploaded).digests.size).toBe(0);
    expect(server.uploads).toMatchObject([{ content: Buffer.alloc(0), complete: true }]);
  });

  test("a file whose name is not UTF-8, by its URL", async () => {
    const server = await receiver();
    const directory = await tempDir();
    await writeFile(Buffer.concat([Buffer.from(`${directory}/`), Buffer.of(0xe9)]), bytes);
    const result = await upload(server.origin, new URL(`${pathToFileURL(directory).href}/%E9`));
    expect(result.digests.size).toBe(bytes.length);
  });

  test("a file of many blocks", async () => {
    const server = await receiver();
    const content = Buffer.alloc(1_000_001, "0123456789abcdefghijklm");
    await upload(server.origin, await file(content));
    expect(server.uploads[0]!.content.equals(content)).toBe(true);
  });

  test("a file, as it is, to a server that takes its time", async () => {
    const content = Buffer.alloc(12_000_000);
    for (let at = 0; at < content.length; at += 4) content.writeUInt32LE(at, at);
    const hash = createHash("md5");
    const server = await httpServer(async (request, response) => {
      for await (const chunk of request) {
        hash.update(chunk as Buffer);
        await new Promise((resolve) => setImmediate(resolve));
      }
      response.writeHead(201).end();
    });
    const { digests } = await upload(server.origin, await file(content));
    // What is read into the same memory in turn is not written over before it has gone out.
    expect(digests.values.get("md5")!.equals(hash.digest())).toBe(true);
    expect(digests.values.get("md5")!.equals(createHash("md5").update(content).digest())).toBe(true);
  });

  test("what is left of a stream that was begun before", async () => {
    const server = await receiver();
    const stream = ReadableStream.from(halves);
    const reader = stream.getReader();
    await reader.read();
    reader.releaseLock();
    await upload(server.origin, stream);
    expect(server.uploads[0]!.content).toEqual(halves[1]);
  });
});

describe("an upload refuses, before it connects,", () => {
  const consumed = async (): Promise<Readable> => {
    const stream = Readable.from(halves);
    await stream.toArray();
    return stream;
  };
  const locked = (): ReadableStream => {
    const stream = ReadableStream.from(halves);
    stream.getReader();
    return stream;
  };
  const refused: readonly [kind: string, code: string, sentence: RegExp, make: () => unknown][] = [
    ["a file that is not there", "FILE_UNREADABLE", /nowhere.*no such file/, () => "/nowhere/at/all"],
    ["a directory", "FILE_UNREADABLE", /is a directory: name the files in it/, () => tempDir()],
    ["a path with NUL", "FILE_UNREADABLE", /cannot read/, () => "a\0b"],
    ["a URL that names no file", "FILE_UNREADABLE", /file/, () => new URL("http://host/")],
    ["a stream that was read to its end", "USAGE", /nothing left to send/, consumed],
    ["a stream that was destroyed", "USAGE", /nothing left to send/, () => Readable.from(halves).destroy()],
    ["a web stream that is locked", "USAGE", /locked/, locked],
    ["a number", "USAGE", /neither a path/, () => 5],
    ["null", "USAGE", /neither a path/, () => null],
    ["an object", "USAGE", /neither a path/, () => ({})],
    ["a form without fields", "USAGE", /neither a path/, () => new FormData()],
    ["search parameters", "USAGE", /neither a path/, () => new URLSearchParams()],
    ["a map", "USAGE", /neither a path/, () => new Map()],
  ];
  test.each(refused)("%s", async (_kind, code, sentence, make) => {
    const server = await receiver();
    const error = await rejection(upload(server.origin, (await make()) as UploadSource));
    expect(error).toMatchObject({ code, message: expect.stringMatching(sentence) });
    expect(server.connections()).toBe(0);
  });

  test("an unknown algorithm", async () => {
    const server = await receiver();
    const error = await rejection(upload(server.origin, bytes, { algorithms: ["md6" as "md5"] }));
    expect(error.code).toBe("UNKNOWN_ALGORITHM");
    expect(server.connections()).toBe(0);
  });
});

test("a source that gives something other than bytes and strings cuts its upload", async () => {
  const server = await receiver();
  const error = await rejection(upload(server.origin, ["text", 5 as unknown as string]));
  expect(error).toMatchObject({ code: "USAGE", message: expect.stringContaining("neither bytes nor a string") });
  await expect.poll(() => server.uploads.every(({ complete }) => !complete)).toBe(true);
});
