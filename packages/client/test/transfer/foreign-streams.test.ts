import type { Readable, Writable } from "node:stream";
import { runInNewContext } from "node:vm";

import { duplexOf, foreignStreams, OldStream } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { download, upload, type UploadSource } from "../../src/index.ts";
import { httpServer, receiver, type Receiver, rejection } from "./peers.ts";

const broken = new Error("the disk is gone");

async function expectCut(server: Receiver): Promise<void> {
  await expect.poll(() => server.uploads.length).toBe(1);
  expect(server.uploads).toMatchObject([{ complete: false }]);
}

describe.each(foreignStreams)("an upload from a stream of %s", (_name, kind) => {
  const half = (): Readable => {
    const stream = new kind.Readable({ read() {} });
    stream.push("half of it");
    return stream;
  };

  test("sends all of it, and destroys it", async () => {
    const server = await receiver();
    const source = new kind.PassThrough();
    source.write("one ");
    source.end("two");
    const { digests } = await upload(server.origin, source);
    expect(digests.size).toBe(7);
    expect(server.uploads).toMatchObject([{ complete: true, content: Buffer.from("one two") }]);
    await expect.poll(() => source.destroyed).toBe(true);
  });

  test("is cut when the stream is destroyed before its end", async () => {
    const server = await receiver();
    const source = half();
    const error = await rejection(upload(server.origin, source, { onProgress: () => void source.destroy() }));
    expect(error).toMatchObject({ code: "FILE_UNREADABLE", message: "Premature close" });
    await expectCut(server);
  });

  test("is cut, and fails with the stream's error", async () => {
    const server = await receiver();
    const source = half();
    const error = await rejection(upload(server.origin, source, { onProgress: () => void source.destroy(broken) }));
    expect(error).toMatchObject({ code: "FILE_UNREADABLE", cause: broken });
    await expectCut(server);
  });

  test("is refused when it was destroyed before, and sends nothing", async () => {
    const server = await receiver();
    const source = half();
    source.destroy();
    expect((await rejection(upload(server.origin, source))).code).toBe("USAGE");
    expect(server.connections()).toBe(0);
  });

  test("that fails while the server is not there destroys it, and its late error does no harm", async () => {
    const source = half();
    const error = await rejection(upload("http://127.0.0.1:1/", source));
    expect(error.code).toBe("CONNECT_FAILED");
    expect(source.destroyed).toBe(true);
    source.emit("error", broken);
  });

  test("by way of duplexify is cut when that is destroyed", async () => {
    const server = await receiver();
    const source = duplexOf(null, half());
    const error = await rejection(upload(server.origin, source, { onProgress: () => source.destroy() }));
    expect(error.code).toBe("FILE_UNREADABLE");
    await expectCut(server);
  });
});

describe("an upload from what is of no class of ours", () => {
  const sources: readonly [kind: string, make: () => unknown][] = [
    ["an old stream", () => new OldStream(["one ", "two"])],
    [
      "a web stream that is known by its reader alone",
      () => {
        const pieces = ["one ", "two"];
        const read = async (): Promise<unknown> => ({ done: pieces.length === 0, value: pieces.shift() });
        const reader = { read, cancel: async () => {}, releaseLock() {} };
        return { locked: false, getReader: () => reader, cancel: async () => {} };
      },
    ],
    ["bytes of another realm", () => runInNewContext("new Uint8Array([111, 110, 101, 32, 116, 119, 111])")],
    [
      "an ArrayBuffer of another realm",
      () => runInNewContext("new Uint8Array([111, 110, 101, 32, 116, 119, 111]).buffer"),
    ],
    [
      "a Blob of another realm",
      () => {
        const inner = new Blob(["one two"]);
        const { size, type } = inner;
        const methods = { stream: () => inner.stream(), arrayBuffer: () => inner.arrayBuffer() };
        return { size, type, ...methods, [Symbol.toStringTag]: "Blob" };
      },
    ],
  ];
  test.each(sources)("sends %s", async (_kind, make) => {
    const server = await receiver();
    await upload(server.origin, make() as UploadSource);
    expect(server.uploads).toMatchObject([{ complete: true, content: Buffer.from("one two") }]);
  });

  test("is cut when a Blob gives fewer bytes than it said that it has", async () => {
    const server = await receiver();
    const short = Object.defineProperty(new Blob(["some"]), "size", { value: 1_000 });
    expect((await rejection(upload(server.origin, short))).code).toBe("FILE_CHANGED");
    await expectCut(server);
  });
});

const content = Buffer.alloc(300_000, "trailsum");

describe.each(foreignStreams)("a download into a stream of %s", (_name, { Writable: Foreign }) => {
  const collecting = (chunks: Buffer[]): Writable =>
    new Foreign({
      highWaterMark: 1_000,
      write(chunk: Buffer, _encoding, done) {
        chunks.push(chunk);
        setImmediate(done);
      },
    });

  test("gives it everything and ends it", async () => {
    const server = await httpServer((_request, response) => response.end(content));
    const chunks: Buffer[] = [];
    await download(server.origin, collecting(chunks));
    expect(Buffer.concat(chunks).equals(content)).toBe(true);
  });

  test("fails with the stream's error", async () => {
    const server = await httpServer((_request, response) => response.end(content));
    const destination = new Foreign({ highWaterMark: 1_000, write: (_chunk, _encoding, done) => done(broken) });
    const error = await rejection(download(server.origin, destination));
    expect(error).toMatchObject({ code: "FILE_UNWRITABLE", cause: broken });
  });
});
