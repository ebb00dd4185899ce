import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";

import { listen, type Listening, rawClient, rawServer } from "@trailsum/testkit";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";

import { FRONTS, type Proxied } from "./peers.ts";

interface Pair {
  readonly client: WebSocket;
  readonly peer: WebSocket;
  readonly proxied: Proxied;
  readonly origin: Listening;
}

describe.each(FRONTS)("a proxy %s:", (_front, proxyServer) => {
  /** A client and a server of `ws` with a proxy in between. Both are gone when the test ends. */
  async function pair(options: { protocols?: string[]; perMessageDeflate?: boolean } = {}): Promise<Pair> {
    const { protocols = [], perMessageDeflate = false } = options;
    const server = createServer();
    const sockets = new WebSocketServer({ server, perMessageDeflate, handleProtocols: ([first = ""]) => first });
    const origin = await listen(server);
    const proxied = await proxyServer({ target: origin.origin });
    const connected = once(sockets, "connection");
    const client = new WebSocket(`${proxied.origin.replace("http", "ws")}/path?query`, protocols, {
      perMessageDeflate,
    });
    const [[peer, request]] = (await Promise.all([connected, once(client, "open")])) as [
      [WebSocket, { url: string }],
      unknown,
    ];
    expect(request.url).toBe("/path?query");
    onTestFinished(() => {
      client.terminate();
      peer.terminate();
    });
    return { client, peer, proxied, origin };
  }

  /** The next message, as bytes, and whether it was binary. */
  async function message(socket: WebSocket): Promise<{ data: Buffer; binary: boolean }> {
    const [data, binary] = (await once(socket, "message")) as [Buffer, boolean];
    return { data, binary };
  }

  describe.each([false, true])("a WebSocket through the proxy, compressed: %j,", (perMessageDeflate) => {
    test("carries text and binary messages both ways, large ones too", async () => {
      const { client, peer } = await pair({ perMessageDeflate });
      for (const [from, to] of [
        [client, peer],
        [peer, client],
      ] as const) {
        for (const sent of ["text ü", "", randomBytes(3_000_000)]) {
          const got = message(to);
          from.send(sent);
          const { data, binary } = await got;
          expect(binary).toBe(typeof sent !== "string");
          expect(data.equals(Buffer.from(sent))).toBe(true);
        }
      }
    });

    test("keeps a thousand messages sent at once, both ways at the same time, in their order", async () => {
      const { client, peer } = await pair({ perMessageDeflate });
      const collect = (socket: WebSocket): Promise<string[]> =>
        new Promise((resolve) => {
          const got: string[] = [];
          socket.on("message", (data: Buffer) => {
            if (got.push(data.toString()) === 1_000) resolve(got);
          });
        });
      const both = Promise.all([collect(client), collect(peer)]);
      const expected = Array.from({ length: 1_000 }, (_, at) => `message ${at} ${"x".repeat(at % 300)}`);
      for (const text of expected) {
        client.send(text);
        peer.send(text);
      }
      expect(await both).toEqual([expected, expected]);
    });
  });

  describe("a WebSocket through the proxy", () => {
    test("agrees on a subprotocol", async () => {
      const { client } = await pair({ protocols: ["chat.v2", "chat.v1"] });
      expect(client.protocol).toBe("chat.v2");
    });

    test("carries ping and pong", async () => {
      const { client, peer } = await pair();
      for (const [from, to] of [
        [client, peer],
        [peer, client],
      ] as const) {
        const [ping, pong] = [once(to, "ping"), once(from, "pong")];
        from.ping("are you there");
        expect(String((await ping)[0])).toBe("are you there");
        expect(String((await pong)[0])).toBe("are you there");
      }
    });

    test.each(["client", "peer"] as const)(
      "closed by the %s, reports code and reason to the other side",
      async (closer) => {
        const { proxied, origin, ...ends } = await pair();
        const other = ends[closer === "client" ? "peer" : "client"];
        const closed = once(other, "close");
        ends[closer].close(4001, "enough");
        const [code, reason] = (await closed) as [number, Buffer];
        expect([code, reason.toString()]).toEqual([4001, "enough"]);
        await expect
          .poll(() => proxied.records.map(({ status, error }) => [status, error]))
          .toEqual([[101, undefined]]);
        await expect.poll(() => origin.connections()).toBe(0);
      },
    );

    test.each(["client", "peer"] as const)("whose %s is terminated ends on the other side: 1006", async (ender) => {
      const { proxied, origin, ...ends } = await pair();
      const other = ends[ender === "client" ? "peer" : "client"];
      const closed = once(other, "close");
      ends[ender].terminate();
      expect((await closed)[0]).toBe(1006);
      await expect.poll(() => proxied.records.length).toBe(1);
      await expect.poll(() => origin.connections()).toBe(0);
    });

    test("that the origin refuses: the client sees the refusal as it is", async () => {
      const server = createServer();
      const refusing = new WebSocketServer({
        server,
        verifyClient: (_info, done) => done(false, 403, "no", { "X-Why": "so" }),
      });
      const origin = await listen(server);
      onTestFinished(() => refusing.close());
      const { origin: url } = await proxyServer({ target: origin.origin });
      const client = new WebSocket(url.replace("http", "ws"));
      client.on("error", () => {});
      const [, response] = (await once(client, "unexpected-response")) as [unknown, IncomingMessage];
      expect(response.statusCode).toBe(403);
      expect(response.headers["x-why"]).toBe("so");
      response.resume();
      client.terminate();
    });
  });

  test.each([
    ["is missing", ""],
    ["answers another key", "Sec-WebSocket-Accept: c29tZXRoaW5nIGVsc2U=\r\n"],
    [
      "comes twice",
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
    ],
  ])("no WebSocket is opened where the origin's Sec-WebSocket-Accept %s", async (_what, accept) => {
    const origin = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${accept}\r\n`,
      );
      await connection.readToEnd();
    });
    const { port, records } = await proxyServer({ target: origin.origin });
    const client = await rawClient(port);
    await client.write(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    expect((await client.readHead()).toString()).toMatch(/^HTTP\/1\.1 502 /);
    client.end();
    await origin.finished();
    await expect.poll(() => records.map(({ error }) => error?.code)).toEqual(["PROTOCOL"]);
  });
});
