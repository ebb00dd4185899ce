import type { Socket } from "node:net";

import { rawClient, rawServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import type { ExchangeRecord } from "../src/index.ts";
import { ask, httpServer, proxyServer } from "./peers.ts";
import { GOOD, message } from "./verified.ts";

const GET = "GET /path?query HTTP/1.1\r\nHost: a\r\n\r\n";

describe("onExchange", () => {
  test("is told all of an exchange, once", async () => {
    const [, , said] = GOOD[0]!;
    const origin = await rawServer(async (connection) => {
      await connection.readUntil("\r\n0\r\n");
      await connection.readUntil("\r\n\r\n");
      await connection.write(`HTTP/1.1 201 Created\r\n${message(said)}`);
    });
    const { port, records } = await proxyServer({ target: origin.origin, verify: "observe" });
    const before = performance.now();
    await ask(port, `PUT /path?query HTTP/1.1\r\nHost: a\r\n${message(said)}`);
    await expect.poll(() => records.length).toBe(1);
    const [record] = records as [ExchangeRecord];
    expect(record).toMatchObject({
      request: { method: "PUT", target: { path: "/path", query: "query" }, remoteAddress: "127.0.0.1" },
      origin: origin.origin,
      status: 201,
      requestVerdict: { name: "verified" },
      responseVerdict: { name: "verified" },
      error: undefined,
    });
    expect(record.duration).toBeGreaterThan(0);
    expect(record.duration).toBeLessThan(performance.now() - before);
  });

  test.each([
    [
      "throws",
      () => {
        throw new Error("no");
      },
    ],
    ["rejects", () => Promise.reject(new Error("no"))],
  ])("that %s harms nobody", async (_how, onExchange) => {
    const origin = await httpServer((_req, res) => void res.end("ok"));
    const { proxy, port } = await proxyServer({ target: origin.origin, onExchange });
    for (let turn = 0; turn < 3; turn += 1) expect((await ask(port, GET)).body.toString()).toBe("ok");
    expect(proxy).toBeDefined();
  });

  test("is told of a response when its client has it, and not when the origin has sent it", async () => {
    const origin = await httpServer((_req, res) => void res.end("all of it"));
    const held = Promise.withResolvers<Socket>();
    const { port, records } = await proxyServer({
      target: origin.origin,
      modifyResponse: (_response, request) => {
        const { socket } = request.message!;
        // More than the system takes of what nobody reads: the response has to wait behind it.
        socket.write(Buffer.alloc(16 * 1_048_576));
        held.resolve(socket);
      },
    });
    const client = await rawClient(port);
    client.socket.pause();
    await client.write(GET);
    const socket = await held.promise;
    await expect.poll(() => socket.writableLength).toBeGreaterThan(16 * 1_048_576);
    expect(records).toEqual([]);
    client.reset();
    await expect.poll(() => records.map(({ status, error }) => [status, error?.code])).toEqual([[200, "ABORTED"]]);
  });

  test("is told once of each of several failures", async () => {
    const origin = await rawServer(async (connection) => {
      const head = (await connection.readHead()).toString();
      if (head.includes("/reset")) connection.reset();
      else if (head.includes("/cut")) connection.end("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut");
      else if (head.includes("/refused")) connection.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
      await connection.readToEnd();
    });
    const { port, records } = await proxyServer({ target: origin.origin });
    for (const path of ["/reset", "/cut", "/refused"]) {
      await ask(port, `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      const client = await rawClient(port);
      await client.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n`);
      await client.readToEnd();
      client.end();
    }
    await expect
      .poll(() => records.map(({ request, status, error }) => [request.target.path, status, error?.code]))
      .toEqual([
        ["/reset", 502, "CONNECTION_LOST"],
        ["/reset", 502, "CONNECTION_LOST"],
        ["/cut", 200, "CONNECTION_LOST"],
        ["/cut", 200, "CONNECTION_LOST"],
        ["/refused", 403, undefined],
        ["/refused", 403, undefined],
      ]);
  });
});
