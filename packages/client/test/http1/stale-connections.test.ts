import { Readable } from "node:stream";

import { type RawConnection, rawServer, type RawServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { trailerAgent } from "../agent/side-by-side.ts";
import { content, record, type RecordOptions } from "./recording.ts";

function answer(text: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
}

/** A server whose first connection answers once and meets the second request with `end`; any other answers "again". */
function staleServer(end: (connection: RawConnection) => unknown): Promise<RawServer> {
  return rawServer(async (connection, index) => {
    await connection.readHead();
    if (index > 0) {
      await connection.write(answer("again"));
      return;
    }
    await connection.write(answer("first"));
    await connection.readHead();
    await end(connection);
  });
}

const closings: readonly (readonly [name: string, end: (connection: RawConnection) => unknown])[] = [
  ["closes", (connection) => connection.end()],
  ["closes with bytes unread", (connection) => connection.destroy()],
  ["resets", (connection) => connection.reset()],
];

describe.each(closings)("the server %s in place of an answer on a connection that it kept", (_name, end) => {
  test.each<readonly [name: string, options: RecordOptions]>([
    ["GET", { method: "GET" }],
    ["HEAD", { method: "HEAD" }],
    ["DELETE", { method: "DELETE" }],
    ["PUT of a string with trailers", { method: "PUT", body: "hello", trailers: () => ({ Md5: "a" }) }],
  ])("%s is sent again on a new connection", async (_request, options) => {
    const server = await staleServer(end);
    const agent = trailerAgent({ connections: 1 });
    expect(content(await record(agent, server.origin).ended)).toBe("first");
    const again = await record(agent, server.origin, options).ended;
    expect(again).toMatchObject({ error: undefined, status: 200, ends: 1 });
    expect(server.connections).toHaveLength(2);
  });

  test.each<readonly [name: string, make: () => RecordOptions]>([
    ["POST of a string", () => ({ method: "POST", body: "hello" })],
    ["POST of nothing", () => ({ method: "POST" })],
    ["POST of a stream", () => ({ method: "POST", body: Readable.from(["hello"]) })],
    ["PUT of a stream, which is used up", () => ({ method: "PUT", body: Readable.from(["hello"]) })],
    ["PATCH of a string", () => ({ method: "PATCH", body: "hello" })],
  ])("%s fails", async (_request, make) => {
    const server = await staleServer(end);
    const agent = trailerAgent({ connections: 1 });
    expect(content(await record(agent, server.origin).ended)).toBe("first");
    const failed = await record(agent, server.origin, make()).ended;
    expect(failed).toMatchObject({ error: expect.any(Error), status: undefined, trailers: undefined, ends: 1 });
    expect(server.connections).toHaveLength(1);
  });
});

test("the server closes on the first request of a connection: it is not sent again", async () => {
  const server = await rawServer(async (connection) => {
    await connection.readHead();
    connection.end();
  });
  expect((await record(trailerAgent(), server.origin).ended).error).toMatchObject({ code: "UND_ERR_SOCKET" });
  expect(server.connections).toHaveLength(1);
});

test("the server closes on the second try as well: there is no third", async () => {
  const server = await rawServer(async (connection, index) => {
    await connection.readHead();
    if (index === 0) await connection.write(answer("first"));
    if (index === 0) await connection.readHead();
    connection.end();
  });
  const agent = trailerAgent({ connections: 1 });
  await record(agent, server.origin).ended;
  expect((await record(agent, server.origin).ended).error).toMatchObject({ code: "UND_ERR_SOCKET" });
  expect(server.connections).toHaveLength(2);
});

test("the server resets every connection that it kept: the request goes through on a new one", async () => {
  const answered = Promise.withResolvers<void>();
  const server = await rawServer(async (connection, index) => {
    await connection.readHead();
    if (index === 2) answered.resolve();
    if (index < 3) await answered.promise;
    await connection.write(answer(index < 3 ? "first" : "again"));
    if (index > 2) return;
    await connection.readHead();
    connection.reset();
  });
  const agent = trailerAgent();
  await Promise.all([1, 2, 3].map(() => record(agent, server.origin).ended));
  const again = await record(agent, server.origin).ended;
  expect(again.error).toBeUndefined();
  expect(content(again)).toBe("again");
  expect(server.connections).toHaveLength(4);
});

test.each([
  ["one byte of an answer", "H"],
  ["an interim response", "HTTP/1.1 103 Early Hints\r\n\r\n"],
])("the server closes after %s: the request is not sent again", async (_name, bytes) => {
  const server = await staleServer((connection) => connection.end(bytes));
  const agent = trailerAgent({ connections: 1 });
  await record(agent, server.origin).ended;
  expect((await record(agent, server.origin).ended).error).toMatchObject({ code: "UND_ERR_SOCKET" });
  expect(server.connections).toHaveLength(1);
});

test("the server closes its idle connection while the next request is sent: it never fails", async () => {
  for (let turn = 0; turn < 40; turn += 1) {
    const go = Promise.withResolvers<void>();
    const server = await rawServer(async (connection, index) => {
      await connection.readHead();
      await connection.write(answer("first"));
      await go.promise;
      if (index === 0) connection.destroy();
    });
    const agent = trailerAgent({ connections: 1 });
    await record(agent, server.origin).ended;
    go.resolve();
    // Now, or a little later: the FIN is in transit, has arrived, or has been read.
    for (let ticks = turn % 8; ticks > 0; ticks -= 1) await new Promise((resolve) => setImmediate(resolve));
    expect(await record(agent, server.origin, { method: "PUT", body: "a" }).ended).toMatchObject({
      error: undefined,
      status: 200,
      ends: 1,
    });
  }
});

test("the agent is destroyed while a request is under way on a kept connection: it is not sent again", async () => {
  const server = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write(answer("first"));
  });
  const agent = trailerAgent();
  await record(agent, server.origin).ended;
  const second = record(agent, server.origin);
  await server.connections[0]!.readHead();
  await agent.destroy();
  expect(await second.ended).toMatchObject({ error: { code: "UND_ERR_DESTROYED" }, ends: 1 });
  await server.connections[0]!.readToEnd();
  expect(server.connections).toHaveLength(1);
});
