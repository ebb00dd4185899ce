import { FeedSource, fieldValues, type RawConnection, rawServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { trailerAgent } from "../agent/side-by-side.ts";
import { record } from "./recording.ts";
import { iterable, readMessage, send } from "./wire.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

/** Reads the head, and expects that nothing came with it. */
async function headAlone(connection: RawConnection): Promise<void> {
  const head = await connection.readHead();
  expect(head.toString("latin1")).toContain("\r\nExpect: 100-continue\r\n");
  expect(connection.received).toHaveLength(head.length);
}

describe.each([
  ["a string", () => "hello"],
  ["an async iterable", () => iterable("hello")],
])("the body is %s:", (_name, body) => {
  test("the server says 100: the body follows, and the connection is used again", async () => {
    const server = await rawServer(async (connection) => {
      await headAlone(connection);
      await connection.write(CONTINUE);
      await connection.readUntil("hello");
      await connection.readUntil("Md5: a\r\n\r\n");
      await connection.write(OK);
      await connection.readHead();
      await connection.write(OK);
    });
    const agent = trailerAgent({ connections: 1, expectContinueTimeout: 0 });
    const options = { method: "PUT", expectContinue: true, body: body(), trailers: { Md5: "a" } };
    expect(await record(agent, server.origin, options).ended).toMatchObject({
      error: undefined,
      interims: [100],
      status: 200,
    });
    expect((await record(agent, server.origin).ended).status).toBe(200);
    expect(server.connections).toHaveLength(1);
  });

  test("the server says nothing: the body follows all the same", async () => {
    const server = await rawServer(async (connection) => {
      await headAlone(connection);
      const message = await readMessage(connection);
      expect(String(message.body)).toBe("hello");
      await connection.write(OK);
    });
    const agent = trailerAgent({ expectContinueTimeout: 50 });
    const { ended } = record(agent, server.origin, {
      method: "PUT",
      headers: { Expect: "100-continue" },
      body: body(),
    });
    expect(await ended).toMatchObject({ error: undefined, interims: [], status: 200 });
    await server.finished();
  });

  test("the server says 100 after the body has begun: it is sent once", async () => {
    const server = await rawServer(async (connection) => {
      await headAlone(connection);
      const message = await readMessage(connection);
      await connection.write(CONTINUE + OK);
      expect(String(message.body)).toBe("hello");
      expect(message.rest).toHaveLength(0);
    });
    const agent = trailerAgent({ expectContinueTimeout: 50 });
    const { ended } = record(agent, server.origin, { method: "PUT", expectContinue: true, body: body() });
    expect(await ended).toMatchObject({ error: undefined, interims: [100], status: 200 });
    await server.finished();
  });
});

test.each([
  ["417", "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n"],
  [
    "413 after an interim response",
    "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n",
  ],
  ["200", OK],
])("the server answers with %s in place of 100: no body is sent, nor asked of its source", async (_name, bytes) => {
  const server = await rawServer(async (connection, index) => {
    if (index === 0) await headAlone(connection);
    await connection.write(bytes);
  });
  const agent = trailerAgent({ connections: 1, expectContinueTimeout: 0 });
  const source = new FeedSource();
  source.offer(100_000);
  const { ended } = record(agent, server.origin, { method: "PUT", expectContinue: true, body: source });
  expect(await ended).toMatchObject({ error: undefined, status: Number(/ (4\d\d|200)/.exec(bytes)![1]) });
  expect(source.produced).toBe(0);
  expect(source.destroyed).toBe(true);
  await server.connections[0]!.readToEnd();
  expect(server.connections[0]!.received.toString("latin1").endsWith("\r\n\r\n")).toBe(true);
});

test("the server closes in place of 100: that is an error, and nothing is sent", async () => {
  const server = await rawServer(async (connection) => {
    await headAlone(connection);
    connection.end();
  });
  const agent = trailerAgent({ expectContinueTimeout: 0 });
  const { error } = await record(agent, server.origin, { method: "PUT", expectContinue: true, body: "a" }).ended;
  expect(error).toMatchObject({ code: "UND_ERR_SOCKET" });
});

test.each([
  ["GET without a body", { method: "GET" }],
  ["DELETE without a body", { method: "DELETE" }],
])("the server reads no Expect in a %s", async (_name, options) => {
  const { message } = await send({ ...options, expectContinue: true }, { expectContinueTimeout: 0 });
  expect(fieldValues(message.fieldLines, "expect")).toEqual([]);
});
