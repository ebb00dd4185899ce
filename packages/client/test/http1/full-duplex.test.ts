import { PassThrough } from "node:stream";

import { FeedSource, rawServer } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { trailerAgent } from "../agent/side-by-side.ts";
import { content, record } from "./recording.ts";
import { readMessage } from "./wire.ts";

const HEAD = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

test("the server begins a 200 while the body is sent: both go on to their ends", async () => {
  const server = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write(`${HEAD}5\r\nhello\r\n`);
    await readMessage(connection);
    await connection.write("5\r\nworld\r\n0\r\nMd5: b\r\n\r\n");
  });
  const agent = trailerAgent({ connections: 1 });
  const body = new PassThrough();
  const exchange = record(agent, server.origin, { method: "POST", body, trailers: () => ({ Md5: "a" }) });
  await exchange.answered;
  body.write("more");
  body.end(Buffer.alloc(1_000_000, "x"));
  const heard = await exchange.ended;
  expect({ ...heard, body: content(heard) }).toMatchObject({
    error: undefined,
    body: "helloworld",
    trailers: ["Md5", "b"],
  });
  const message = await readMessage(server.connections[0]!);
  expect(message).toMatchObject({ complete: true, trailerLines: ["Md5: a"] });
  expect(message.body).toHaveLength(1_000_004);

  // Both messages were complete: the connection is used again.
  const next = record(agent, server.origin);
  await server.connections[0]!.readUntil("GET / HTTP/1.1\r\n");
  next.controller.abort(new Error("enough"));
  await next.ended;
  expect(server.connections).toHaveLength(1);
});

test("the server echoes each piece, in turns", async () => {
  const server = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write(HEAD);
    for (const piece of ["a", "b", "c"]) {
      await connection.readUntil(`1\r\n${piece}`);
      await connection.write(`1\r\n${piece}\r\n`);
    }
    await readMessage(connection);
    await connection.write("0\r\n\r\n");
  });
  const body = new PassThrough();
  const pieces = ["b", "c"];
  const exchange = record(trailerAgent(), server.origin, {
    method: "POST",
    body,
    onData() {
      const piece = pieces.shift();
      if (piece === undefined) body.end();
      else body.write(piece);
    },
  });
  body.write("a");
  const heard = await exchange.ended;
  expect(heard.error).toBeUndefined();
  expect(content(heard)).toBe("abc");
});

test("the server ends its 200 before the body has ended: that is a whole answer, and the rest is not sent", async () => {
  const server = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write(`${HEAD}5\r\nhello\r\n0\r\n\r\n`);
  });
  const source = new FeedSource();
  source.offer(100_000);
  const heard = await record(trailerAgent(), server.origin, { method: "POST", body: source }).ended;
  expect({ ...heard, body: content(heard) }).toMatchObject({ error: undefined, body: "hello", trailers: [] });
  expect(source.destroyed).toBe(true);
  await server.connections[0]!.readToEnd();
  expect((await readMessage(server.connections[0]!)).complete).toBe(false);
});

test("interim responses do not stop the body", async () => {
  const body = new PassThrough();
  const server = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write("HTTP/1.1 102 Processing\r\n\r\n");
    await connection.readUntil("1\r\na");
    await connection.write("HTTP/1.1 103 Early Hints\r\n\r\n");
    body.end("b");
    await readMessage(connection);
    await connection.write("HTTP/1.1 204 No Content\r\n\r\n");
  });
  const { ended } = record(trailerAgent(), server.origin, { method: "POST", body });
  body.write("a");
  expect(await ended).toMatchObject({ error: undefined, interims: [102, 103], status: 204 });
});

test("the body fails after the head of a 200: the exchange fails, and neither message is whole", async () => {
  const server = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write(`${HEAD}5\r\nhello\r\n`);
  });
  const body = new PassThrough();
  const exchange = record(trailerAgent(), server.origin, { method: "POST", body });
  body.write("a");
  await exchange.answered;
  body.destroy(new Error("disk"));
  expect(await exchange.ended).toMatchObject({ error: { message: "disk" }, trailers: undefined, ends: 1 });
  await server.connections[0]!.readToEnd();
  expect((await readMessage(server.connections[0]!)).complete).toBe(false);
});
