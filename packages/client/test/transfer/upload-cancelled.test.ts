import { execFile } from "node:child_process";
import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { promisify } from "node:util";

import {
  deadline,
  FeedSource,
  type ParsedMessage,
  parseMessage,
  rawServer,
  type RawServer,
  tempDir,
} from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { upload, type UploadSource } from "../../src/index.ts";
import { rejection } from "./peers.ts";

/** A server that reads and never answers. */
async function silentServer(): Promise<RawServer & { cutMessage(): Promise<ParsedMessage> }> {
  const server = await rawServer(async (connection) => {
    await connection.readToEnd();
    connection.destroy();
  });
  return {
    ...server,
    async cutMessage() {
      await deadline(server.connections[0]!.closed, () => "the connection is still open");
      return parseMessage(server.connections[0]!.received);
    },
  };
}

/** Sources that give a piece and then nothing more, ever; `letGo` settles when they are stopped. */
const endless: readonly [kind: string, make: () => { source: UploadSource; letGo: Promise<unknown> }][] = [
  [
    "a Node stream",
    () => {
      const source = new PassThrough();
      source.write("piece");
      return { source, letGo: new Promise((resolve) => source.once("close", resolve)) };
    },
  ],
  [
    "a web stream",
    () => {
      const { promise: letGo, resolve } = Promise.withResolvers<unknown>();
      const source = new ReadableStream({ start: (controller) => controller.enqueue("piece"), cancel: resolve });
      return { source, letGo };
    },
  ],
  [
    "an iterator",
    () => {
      const { promise: letGo, resolve } = Promise.withResolvers<unknown>();
      const source = {
        calls: 0,
        [Symbol.asyncIterator]() {
          return this;
        },
        async next(): Promise<IteratorResult<string>> {
          this.calls += 1;
          return this.calls === 1 ? { done: false, value: "piece" } : new Promise(() => {});
        },
        async return(): Promise<IteratorResult<string>> {
          resolve(undefined);
          return { done: true, value: undefined };
        },
      };
      return { source, letGo };
    },
  ],
];

describe.each(endless)("an upload of %s that is cancelled", (_kind, make) => {
  test("before it began ends at once, without a connection, and releases its source", async () => {
    const server = await silentServer();
    const { source, letGo } = make();
    const error = await rejection(upload(server.origin, source, { delivery: "trailers", signal: AbortSignal.abort() }));
    expect(error).toMatchObject({ code: "ABORTED", message: "the upload was cancelled" });
    await deadline(letGo, () => "the source was not released");
    expect(server.connections).toHaveLength(0);
  });

  test("while its source gives nothing ends at once, lets go of it and cuts the message", async () => {
    const server = await silentServer();
    const { source, letGo } = make();
    const controller = new AbortController();
    const uploaded = rejection(upload(server.origin, source, { delivery: "trailers", signal: controller.signal }));
    await expect.poll(() => server.connections[0]?.received.includes("piece")).toBe(true);
    controller.abort(new Error("enough"));
    expect((await uploaded).code).toBe("ABORTED");
    await deadline(letGo, () => "the source was not released");
    const message = await server.cutMessage();
    expect(message).toMatchObject({ complete: false, chunkLines: ["5"], trailerLines: [] });
  });
});

test("an upload of a named pipe that gives nothing is cancelled at once", async () => {
  const server = await silentServer();
  const path = join(await tempDir(), "pipe");
  await promisify(execFile)("mkfifo", [path]);
  const controller = new AbortController();
  const uploaded = rejection(upload(server.origin, path, { delivery: "trailers", signal: controller.signal }));
  const writer = await open(path, "w");
  await writer.write("piece");
  await expect.poll(() => server.connections[0]?.received.includes("piece")).toBe(true);
  controller.abort();
  expect((await uploaded).code).toBe("ABORTED");
  await writer.close();
});

test("an upload of a named pipe without a writer is cancelled at once, and no server was asked", async () => {
  const server = await silentServer();
  const path = join(await tempDir(), "pipe");
  await promisify(execFile)("mkfifo", [path]);
  // More of them than Node has threads for files.
  const controllers = Array.from({ length: 5 }, () => new AbortController());
  const uploads = controllers.map(({ signal }) =>
    rejection(upload(server.origin, path, { delivery: "trailers", signal })),
  );
  await stat(path);
  for (const controller of controllers) controller.abort();
  for (const uploaded of uploads) expect((await uploaded).code).toBe("ABORTED");
  expect(server.connections).toEqual([]);
});

test("an upload that is cancelled between two pieces sends nothing more", async () => {
  const server = await silentServer();
  const controller = new AbortController();
  const source = new FeedSource();
  source.offer(1024 * 1024);
  source.finish();
  const onProgress = (): void => controller.abort();
  const error = await rejection(
    upload(server.origin, source, { delivery: "trailers", signal: controller.signal, onProgress }),
  );
  expect(error.code).toBe("ABORTED");
  expect(source.destroyed).toBe(true);
  expect(await server.cutMessage()).toMatchObject({ complete: false, trailerLines: [] });
});

test("an upload that is cancelled while it waits for the answer ends at once", async () => {
  const server = await silentServer();
  const controller = new AbortController();
  const uploaded = rejection(upload(server.origin, ["all"], { delivery: "trailers", signal: controller.signal }));
  await expect.poll(() => server.connections[0]?.received.includes("Content-Digest: sha-256=")).toBe(true);
  controller.abort();
  expect((await uploaded).code).toBe("ABORTED");
});

test("an upload that is cancelled while the answer arrives is cancelled", async () => {
  const controller = new AbortController();
  const server = await rawServer(async (connection) => {
    await connection.readUntil("Content-Digest: sha-256=");
    await connection.write("HTTP/1.1 201 Created\r\nContent-Length: 10\r\n\r\nhalf");
    controller.abort();
  });
  const error = await rejection(upload(server.origin, ["all"], { delivery: "trailers", signal: controller.signal }));
  expect(error.code).toBe("ABORTED");
});

test("an upload that has ended listens to its signal no more", async () => {
  const server = await rawServer(async (connection) => {
    await connection.readUntil("Content-Digest: sha-256=");
    connection.end("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
  });
  const { signal } = new AbortController();
  let listening = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...given: Parameters<typeof add>) => {
    listening += 1;
    add(...given);
  };
  signal.removeEventListener = (...given: Parameters<typeof remove>) => {
    listening -= 1;
    remove(...given);
  };
  await upload(server.origin, Readable.from(["all"]), { delivery: "trailers", signal });
  expect(listening).toBe(0);
});
