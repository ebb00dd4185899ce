import { createServer } from "node:http2";

import { type Http2Peer, listen, rawHttp2Client, rawServer, requestFields } from "@trailsum/testkit";
import { describe, expect, onTestFinished, test } from "vitest";

import { createReverseProxy } from "../src/index.ts";
import { proxyServer, readMessage } from "./peers.ts";

const FRAMING = /^(?:content-length|transfer-encoding):/i;

/** An origin of HTTP/1.1, and what each request looked like there: its framing, content and trailers. */
async function origin(): Promise<{ origin: string; seen: unknown[] }> {
  const seen: unknown[] = [];
  const { origin: url } = await rawServer(async (connection) => {
    let from = 0;
    for (;;) {
      const { startLine, fieldLines, body, trailerLines } = await readMessage(connection, { from });
      if (startLine === "") return;
      from = connection.received.length;
      seen.push([fieldLines.filter((line) => FRAMING.test(line)), body.toString(), trailerLines]);
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
  });
  return { origin: url, seen };
}

const WAYS = [
  ["on its own server", async (target: string) => (await proxyServer({ target })).port],
  [
    "mounted in node:http2",
    async (target: string) => {
      const proxy = createReverseProxy({ target });
      onTestFinished(() => proxy.close());
      return (await listen(createServer((req, res) => void proxy(req, res)))).port;
    },
  ],
] as const;

describe.each(WAYS)("a request of HTTP/2 to an origin of HTTP/1.1, through a proxy %s:", (_name, listening) => {
  async function ask(method: string, send: (client: Http2Peer) => Promise<number>): Promise<unknown> {
    const { origin: url, seen } = await origin();
    const client = await rawHttp2Client(await listening(url));
    const stream = client.stream(await send(client));
    await stream.untilEnd();
    expect([method, stream.status]).toEqual([method, 200]);
    client.connection.end();
    return seen[0];
  }

  test.each(["GET", "HEAD", "DELETE", "OPTIONS"])("%s that an empty DATA frame ends has no content", async (method) => {
    const seen = await ask(method, async (client) => {
      const stream = await client.request(requestFields(method, "/"));
      await stream.body("", { endStream: true });
      return stream.id;
    });
    expect(seen).toEqual([[], "", []]);
  });

  test("a GET that a later DATA frame ends has no content either", async () => {
    const seen = await ask("GET", async (client) => {
      const stream = await client.request(requestFields("GET", "/", [["content-length", "0"]]));
      await client.ping();
      await stream.body("");
      await client.ping();
      await stream.body("", { endStream: true });
      return stream.id;
    });
    expect(seen).toEqual([[], "", []]);
  });

  test("a GET with content keeps it, and its trailers", async () => {
    const seen = await ask("GET", async (client) => {
      const stream = await client.request(requestFields("GET", "/"));
      await stream.body("abc");
      await stream.endWithTrailers([["size", "3"]]);
      return stream.id;
    });
    expect(seen).toEqual([["Transfer-Encoding: chunked"], "abc", ["size: 3"]]);
  });

  test("a GET with trailers alone keeps them", async () => {
    const seen = await ask("GET", async (client) => {
      const stream = await client.request(requestFields("GET", "/"));
      await stream.endWithTrailers([["size", "0"]]);
      return stream.id;
    });
    expect(seen).toEqual([["Transfer-Encoding: chunked"], "", ["size: 0"]]);
  });

  test("a GET whose content is long in coming is forwarded without waiting for it", async () => {
    const { origin: url } = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write("HTTP/1.1 103 Early Hints\r\n\r\n");
      await readMessage(connection);
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    const client = await rawHttp2Client(await listening(url));
    const stream = await client.request(requestFields("GET", "/"));
    await client.until(() => stream.informational[0], "a 103");
    await stream.body("late", { endStream: true });
    await stream.untilEnd();
    expect(stream.status).toBe(200);
    client.connection.end();
  });

  test("a GET that is reset before it ends reaches no origin as a whole one", async () => {
    const { origin: url, seen } = await origin();
    const client = await rawHttp2Client(await listening(url));
    const stream = await client.request(requestFields("GET", "/"));
    await stream.reset();
    const next = await client.request(requestFields("GET", "/next"), { endStream: true });
    await next.untilEnd();
    expect(seen).toHaveLength(1);
    client.connection.end();
  });
});
