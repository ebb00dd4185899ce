import { FieldLines } from "@trailsum/shared";
import { type RawConnection, rawClient, rawServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { type Proxied, proxyServer, readMessage } from "./peers.ts";

const LENGTH = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
const get = (version: string, fields = ""): string => `GET / HTTP/${version}\r\nHost: a\r\n${fields}\r\n`;

/** A proxy before an origin that gives this answer to everything. */
async function answering(answer: string): Promise<Proxied> {
  const origin = await rawServer(async (connection) => {
    for (;;) {
      await connection.readHead();
      await connection.write(answer);
    }
  });
  return proxyServer({ target: origin.origin });
}

/** Asks, and gives the answer with what it says of the connection. */
async function asked(client: RawConnection, request: string): Promise<{ body: string; connection: string[] }> {
  const from = client.received.length;
  await client.write(request);
  const { body, fieldLines } = await readMessage(client, { from });
  return {
    body: body.toString(),
    connection: fieldLines.filter((line) => /^(connection|keep-alive|transfer-encoding|content-length):/i.test(line)),
  };
}

describe("a connection is kept", () => {
  test.each([
    ["HTTP/1.1", get("1.1"), LENGTH, ["Content-Length: 2", "Connection: keep-alive"]],
    ["HTTP/1.1", get("1.1"), CHUNKED, ["Connection: keep-alive", "Transfer-Encoding: chunked"]],
    [
      "HTTP/1.0 with keep-alive",
      get("1.0", "Connection: Keep-Alive\r\n"),
      LENGTH,
      ["Content-Length: 2", "Connection: keep-alive"],
    ],
  ])("in %s: %j", async (_what, request, answer, connection) => {
    const { port } = await answering(answer);
    const client = await rawClient(port);
    for (let turn = 0; turn < 3; turn += 1) expect(await asked(client, request)).toEqual({ body: "ok", connection });
    expect(client.ended).toBe(false);
  });

  test.each(["HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"])(
    "after %j, which has no content",
    async (answer) => {
      const { port } = await answering(answer);
      const client = await rawClient(port);
      for (let turn = 0; turn < 3; turn += 1) expect((await asked(client, get("1.1"))).body).toBe("");
    },
  );

  test("whatever the origin does with its own", async () => {
    const origin = await rawServer(async (connection) => {
      await connection.readHead();
      connection.end("HTTP/1.1 200 OK\r\nConnection: close\r\nKeep-Alive: timeout=1\r\n\r\nok");
    });
    const { port } = await proxyServer({ target: origin.origin });
    const client = await rawClient(port);
    for (let turn = 0; turn < 3; turn += 1)
      expect(await asked(client, get("1.1"))).toEqual({
        body: "ok",
        connection: ["Connection: keep-alive", "Transfer-Encoding: chunked"],
      });
  });
});

describe("a connection is closed, without a reset,", () => {
  test.each([
    ["to whom asks for it", get("1.1", "Connection: x, CLOSE\r\n"), LENGTH, ["Content-Length: 2", "Connection: close"]],
    [
      "to whom asks for it",
      get("1.1", "Connection: close\r\n"),
      CHUNKED,
      ["Connection: close", "Transfer-Encoding: chunked"],
    ],
    ["after HTTP/1.0", get("1.0"), LENGTH, ["Content-Length: 2", "Connection: close"]],
    ["after content without a length in HTTP/1.0", get("1.0"), CHUNKED, ["Connection: close"]],
    [
      "after content without a length in HTTP/1.0 with keep-alive",
      get("1.0", "Connection: keep-alive\r\n"),
      CHUNKED,
      ["Connection: close"],
    ],
    [
      "by both options at once",
      get("1.1", "Connection: keep-alive, close\r\n"),
      LENGTH,
      ["Content-Length: 2", "Connection: close"],
    ],
  ])("%s: %j", async (_what, request, answer, connection) => {
    const { port } = await answering(answer);
    const client = await rawClient(port);
    expect(await asked(client, request)).toEqual({ body: "ok", connection });
    await client.readToEnd();
    expect(client.error).toBeUndefined();
  });

  test("where a hook says so", async () => {
    const origin = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write(LENGTH);
    });
    const { port } = await proxyServer({
      target: origin.origin,
      modifyResponse: (response) => {
        response.header = response.header.with("Connection", "close");
      },
    });
    const client = await rawClient(port);
    expect(await asked(client, get("1.1"))).toEqual({
      body: "ok",
      connection: ["Content-Length: 2", "Connection: close"],
    });
    await client.readToEnd();
  });

  test("where content of the request is given up with an error", async () => {
    const { port } = await proxyServer({
      target: "http://127.0.0.1:1",
      errorHandler: () => ({ status: 502, header: FieldLines.empty, content: "no" }),
    });
    const client = await rawClient(port);
    expect(await asked(client, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf")).toEqual({
      body: "no",
      connection: ["Content-Length: 2", "Connection: close"],
    });
    await client.readToEnd();
    expect(client.error).toBeUndefined();
  });
});
