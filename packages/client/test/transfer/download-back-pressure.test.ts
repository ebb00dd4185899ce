import { Writable } from "node:stream";

import { FeedSource, rawServer, until } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { download } from "../../src/index.ts";
import { rejection } from "./peers.ts";

const MiB = 1024 * 1024;

test.each([
  ["a Node stream", () => new Writable({ highWaterMark: 1, write() {} })],
  ["a web stream", () => new WritableStream<Uint8Array>({ write: () => new Promise(() => {}) })],
])("a download asks the server for no more than %s takes", async (_kind, make) => {
  const source = new FeedSource();
  source.offer(256 * MiB);
  const server = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${256 * MiB}\r\n\r\n`);
    source.pipe(connection.socket);
  });
  const controller = new AbortController();
  const downloaded = rejection(download(server.origin, make(), { signal: controller.signal }));
  let before = 0;
  let polls = 0;
  const standsStill = (): boolean => {
    polls = source.produced > 0 && source.produced === before ? polls + 1 : 0;
    before = source.produced;
    return polls === 20;
  };
  await until(standsStill, () => `the server sent ${source.produced}`);
  // What lies in between are the buffers of two sockets, which the system chooses.
  expect(source.produced).toBeLessThan(32 * MiB);
  controller.abort();
  expect((await downloaded).code).toBe("ABORTED");
});
