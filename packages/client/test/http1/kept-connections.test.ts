import { rawServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { type TrailerAgentOptions } from "../../src/index.ts";
import { trailerAgent } from "../agent/side-by-side.ts";
import { record, type RecordOptions } from "./recording.ts";

/** How many connections three requests take, one after the other, when each is answered with `bytes`. */
async function connectionsFor(
  bytes: string,
  options: RecordOptions = {},
  agentOptions: TrailerAgentOptions = {},
): Promise<number> {
  const server = await rawServer(async (connection) => {
    while (!connection.ended) {
      await connection.readHead().catch(() => {});
      if (!connection.ended) await connection.write(bytes);
    }
  });
  const agent = trailerAgent({ connections: 1, ...agentOptions });
  for (let turn = 0; turn < 3; turn += 1) {
    expect(await record(agent, server.origin, options).ended).toMatchObject({ error: undefined, ends: 1 });
  }
  return server.connections.length;
}

function row(name: string, bytes: string, options: RecordOptions = {}, agentOptions: TrailerAgentOptions = {}) {
  return [name, bytes, options, agentOptions] as const;
}

const PLAIN = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

describe("the server keeps its connection, and so does the client:", () => {
  test.each([
    row("a length", PLAIN),
    row("chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n"),
    row("204", "HTTP/1.1 204 No Content\r\n\r\n"),
    row("304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n"),
    row("HEAD, where the caller says so", "HTTP/1.1 200 OK\r\n\r\n", { method: "HEAD", reset: false }),
    row("500", "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\nno"),
    row("413 to a request that was whole", "HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n", { method: "DELETE" }),
    row("interim responses", `HTTP/1.1 103 Early Hints\r\n\r\n${PLAIN}`),
    row(
      "HTTP/1.0 with Connection: keep-alive",
      "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok",
    ),
    row("a hint of many seconds", PLAIN.replace("\r\n\r\n", "\r\nKeep-Alive: timeout=5, max=100\r\n\r\n")),
    row("no limit of time", PLAIN, {}, { keepAliveTimeout: 0, keepAliveMaxTimeout: 0 }),
    row(
      "a time beyond what a timer takes",
      PLAIN,
      {},
      { keepAliveTimeout: 2 ** 33, headersTimeout: 2 ** 33, bodyTimeout: 2 ** 33, connect: { timeout: 2 ** 33 } },
    ),
  ])("%s", async (_name, bytes, options, agentOptions) => {
    expect(await connectionsFor(bytes, options, agentOptions)).toBe(1);
  });
});

describe("the server does not keep its connection, and it is not used again:", () => {
  test.each([
    row("Connection: close", PLAIN.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")),
    row("Connection: x, Close", PLAIN.replace("\r\n\r\n", "\r\nConnection: x, Close\r\n\r\n")),
    row("close and keep-alive", PLAIN.replace("\r\n\r\n", "\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n")),
    row("HTTP/1.0", PLAIN.replace("1.1", "1.0")),
    row("a hint of one second", PLAIN.replace("\r\n\r\n", "\r\nKeep-Alive: timeout=1\r\n\r\n")),
    row("a hint of no second", PLAIN.replace("\r\n\r\n", "\r\nKeep-Alive: timeout=0\r\n\r\n")),
    row("HEAD with a length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", { method: "HEAD" }),
    row("HEAD without one", "HTTP/1.1 200 OK\r\n\r\n", { method: "HEAD" }),
    row("the request asks for that", PLAIN, { reset: true }),
    row("the request has Connection: close", PLAIN, { headers: { Connection: "close" } }),
  ])("%s", async (_name, bytes, options) => {
    expect(await connectionsFor(bytes, options)).toBe(3);
  });
});

test("the client closes a connection that has been idle for long enough", async () => {
  const server = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write(PLAIN);
  });
  await record(trailerAgent({ keepAliveTimeout: 50 }), server.origin).ended;
  expect(await server.connections[0]!.readToEnd()).toHaveLength(0);
});

test("the client closes an idle connection before the server does, by its hint", async () => {
  const server = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write(PLAIN.replace("\r\n\r\n", "\r\nKeep-Alive: timeout=2\r\n\r\n"));
  });
  await record(trailerAgent({ keepAliveTimeout: 60_000 }), server.origin).ended;
  expect(await server.connections[0]!.readToEnd()).toHaveLength(0);
});

test("the client follows a hint no longer than its own limit", async () => {
  const server = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write(PLAIN.replace("\r\n\r\n", "\r\nKeep-Alive: timeout=60\r\n\r\n"));
  });
  await record(trailerAgent({ keepAliveTimeout: 60_000, keepAliveMaxTimeout: 50 }), server.origin).ended;
  expect(await server.connections[0]!.readToEnd()).toHaveLength(0);
});
