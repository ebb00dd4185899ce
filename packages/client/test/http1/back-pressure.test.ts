import { FeedSource, type RawConnection, rawServer, until } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { trailerAgent } from "../agent/side-by-side.ts";
import { content, record, type RecordOptions } from "./recording.ts";
import { readMessage } from "./wire.ts";

const MIB = 1_048_576;

/** What lies between a sender and a receiver at most: buffers of the kernel on both sides, and of Node. */
const IN_BETWEEN = 24 * MIB;

/** Lets time pass until `count` has not changed for a while: there is no event for the absence of events. */
async function settled(count: () => number): Promise<number> {
  let before = -1;
  let quiet = 0;
  await until(
    () => {
      quiet = count() === before ? quiet + 1 : 0;
      before = count();
      return quiet > 20;
    },
    () => `it never stops: ${count()}`,
  );
  return before;
}

describe("the server reads nothing for a while, then everything", () => {
  const size = 64 * MIB;

  test.each<readonly [name: string, make: (source: FeedSource) => RecordOptions]>([
    ["a stream in chunks", (body) => ({ body, trailers: () => ({ Md5: "a" }) })],
    ["a stream of known length", (body) => ({ body, headers: { "content-length": String(size) } })],
    ["an async iterable", (body) => ({ body: body[Symbol.asyncIterator]() })],
  ])("%s is asked for no more than fits in between", async (_name, make) => {
    const go = Promise.withResolvers<void>();
    const server = await rawServer(async (connection) => {
      connection.socket.pause();
      await go.promise;
      await drain(connection, size);
    });
    const source = new FeedSource();
    source.offer(size);
    source.finish();
    const { ended } = record(trailerAgent(), server.origin, { method: "PUT", ...make(source) });
    await until(
      () => source.produced > 0,
      () => "nothing is sent",
    );
    expect(await settled(() => source.produced)).toBeLessThan(IN_BETWEEN);
    go.resolve();
    expect(await ended).toMatchObject({ error: undefined, status: 200 });
    expect(source.produced).toBe(size);
  });

  test("a body in memory is handed over piece by piece", async () => {
    const go = Promise.withResolvers<void>();
    const server = await rawServer(async (connection) => {
      connection.socket.pause();
      await go.promise;
      await drain(connection, size);
    });
    let sent = 0;
    const { ended } = record(trailerAgent(), server.origin, {
      method: "PUT",
      body: Buffer.alloc(size),
      onSent: (piece) => {
        sent += piece.length;
      },
    });
    await until(
      () => sent > 0,
      () => "nothing is sent",
    );
    expect(await settled(() => sent)).toBeLessThan(IN_BETWEEN);
    go.resolve();
    expect(await ended).toMatchObject({ error: undefined, status: 200 });
    expect(sent).toBe(size);
  });
});

/** Counts what arrives without keeping it, and answers once it is all there. */
async function drain({ socket }: RawConnection, size: number): Promise<void> {
  let left = size;
  socket.removeAllListeners("data");
  await new Promise<void>((resolve) => {
    socket.on("data", (bytes: Buffer) => {
      left -= bytes.length;
      if (left <= 0) resolve();
    });
    socket.resume();
  });
  socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

test("the server sends more than is taken: it has to wait", async () => {
  const size = 64 * MIB;
  let written = 0;
  const server = await rawServer(async ({ socket }) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    const piece = Buffer.alloc(65_536);
    for (; written < size; written += piece.length) {
      if (!socket.write(piece)) await new Promise((resolve) => socket.once("drain", resolve));
    }
  });
  let heard = 0;
  const exchange = record(trailerAgent(), server.origin, {
    onHead: (controller) => controller.pause(),
    onData: (_controller, piece) => {
      heard += piece.length;
    },
  });
  await exchange.answered;
  await until(
    () => written > 0,
    () => "nothing is sent",
  );
  expect(await settled(() => written)).toBeLessThan(IN_BETWEEN);
  expect(heard).toBe(0);
  exchange.controller.resume();
  expect((await exchange.ended).error).toBeUndefined();
  expect(heard).toBe(size);
});

test("the server reads as many chunk lines as there were pieces, and none is copied or merged", async () => {
  const pieces = Array.from({ length: 50 }, (_, at) => Buffer.alloc(1_000 + at, at));
  const server = await rawServer(async (connection) => {
    await readMessage(connection);
    await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  const sent: Uint8Array[] = [];
  const heard = await record(trailerAgent(), server.origin, {
    method: "PUT",
    body: pieces.values(),
    onSent: (piece) => sent.push(piece),
  }).ended;
  expect(content(heard)).toBe("ok");
  expect(sent.every((piece, at) => piece === pieces[at])).toBe(true);
  const { chunks } = await readMessage(server.connections[0]!);
  expect(chunks!.map(({ length }) => length)).toEqual(pieces.map(({ length }) => length));
});
