import { Transform } from "node:stream";
import { inspect } from "node:util";

import { rawClient, rawServer, httpServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import type { ExchangeRecord } from "../src/index.ts";
import { ask, countToEnd, FRONTS, readMessage } from "./peers.ts";
import { BODY, GOOD, message } from "./verified.ts";

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

const GET = "GET /path?query HTTP/1.1\r\nHost: a\r\n\r\n";

describe.each(FRONTS)("onExchange, of a proxy %s,", (_front, proxyServer) => {
  test("gets the whole record of an exchange, once", async () => {
    const [, , said] = GOOD[0]!;
    const origin = await rawServer(async (connection) => {
      await connection.readUntil("\r\n0\r\n");
      await connection.readUntil("\r\n\r\n");
      await connection.write(`HTTP/1.1 201 Created\r\n${message(said)}`);
    });
    const { port, records } = await proxyServer({ target: origin.origin, verify: "observe" });
    const fields = `X-Request-Id: from-the-client\r\nTraceparent: ${traceparent}\r\nAuthorization: Basic c2VjcmV0\r\n`;
    const before = performance.now();
    await ask(port, `PUT /path?query&token=secret HTTP/1.1\r\nHost: a\r\n${fields}${message(said)}`);
    await expect.poll(() => records.length).toBe(1);
    const [record] = records as [ExchangeRecord];
    expect(record).toMatchObject({
      by: "proxy",
      id: "from-the-client",
      method: "PUT",
      target: "/path?query&token=***",
      remoteAddress: "127.0.0.1",
      protocol: "http",
      httpVersion: "1.1",
      traceparent,
      received: BODY.length,
      sent: BODY.length,
      mode: "trailers",
      origin: origin.origin,
      status: 201,
      requestVerdict: { name: "verified" },
      responseVerdict: { name: "verified" },
      error: undefined,
    });
    expect(inspect(record, { depth: 10 })).not.toMatch(/secret|c2VjcmV0/);
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
  ])("that %s does no harm", async (_how, onExchange) => {
    const origin = await httpServer((_req, res) => void res.end("ok"));
    const { port } = await proxyServer({ target: origin.origin, onExchange });
    for (let turn = 0; turn < 3; turn += 1) expect((await ask(port, GET)).body.toString()).toBe("ok");
  });

  test("gets a response when its client has it, and not when it has been given", async () => {
    const given = Promise.withResolvers<void>();
    // More than the system takes of what no one reads.
    const size = 16 * 1_048_576;
    const { port, records } = await proxyServer({
      target: "http://127.0.0.1:1",
      errorHandler: () => {
        given.resolve();
        return { status: 502, content: Buffer.alloc(size) };
      },
    });
    const client = await rawClient(port);
    client.socket.pause();
    await client.write(GET.replace("Host: a", "Host: a\r\nConnection: close"));
    await given.promise;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(records).toEqual([]);
    expect(await countToEnd(client)).toBeGreaterThan(size);
    await expect.poll(() => records.map(({ status }) => status)).toEqual([502]);
  });

  test("learns that the client disconnected, where a response had been passed on and waited for it", async () => {
    const origin = await httpServer((_req, res) => void res.end(Buffer.alloc(200_000)));
    const given = Promise.withResolvers<void>();
    const { port, records } = await proxyServer({
      target: origin.origin,
      modifyResponse: (response) => {
        // More than the system takes, and nothing after it: all that the proxy does with content is done.
        response.transform = new Transform({
          transform: (_piece, _encoding, done) => done(),
          final(done) {
            this.push(Buffer.alloc(16 * 1_048_576));
            done();
            given.resolve();
          },
        });
      },
    });
    const client = await rawClient(port);
    client.socket.pause();
    await client.write(GET);
    await given.promise;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(records).toEqual([]);
    client.reset();
    await expect.poll(() => records.map(({ status, error }) => [status, error?.code])).toEqual([[200, "ABORTED"]]);
  });

  test("reports each of several failures once", async () => {
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
      await client.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n`);
      await readMessage(client);
      client.end();
    }
    await expect
      .poll(() => records.map(({ target, status, error }) => [target, status, error?.code]))
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
