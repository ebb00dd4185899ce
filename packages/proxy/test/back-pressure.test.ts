import { PassThrough } from "node:stream";

import { FeedSource, rawClient, rawServer, until } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import type { ReverseProxyOptions } from "../src/index.ts";
import { FRONTS, stands } from "./peers.ts";

const MiB = 1_048_576;

// The buffers of four sockets of the system lie in between, and what each stream may hold.
const BOUND = 20 * MiB;
const OFFERED = 64 * MiB;

const OPTIONS: readonly (readonly [how: string, options: Partial<ReverseProxyOptions>])[] = [
  ["as it is", {}],
  ["verified", { verify: "enforce" }],
  [
    "changed",
    {
      modifyResponse: (response) => {
        response.transform = new PassThrough();
      },
    },
  ],
];

describe.each(FRONTS)("a proxy %s:", (_front, proxyServer) => {
  describe.each(OPTIONS)("content that passes %s", (_how, options) => {
    test("is taken from the origin only as fast as the client reads it", async () => {
      const source = new FeedSource();
      source.offer(OFFERED);
      const origin = await rawServer(async (connection) => {
        await connection.readHead();
        await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${OFFERED}\r\n\r\n`);
        source.pipe(connection.socket);
        await connection.closed;
      });
      const { port } = await proxyServer({ target: origin.origin, ...options });
      const client = await rawClient(port);
      client.socket.pause();
      await client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      await until(
        () => source.produced > 0,
        () => "nothing is read",
      );
      await stands(() => source.produced);
      expect(source.produced).toBeLessThan(BOUND);
      let read = 0;
      client.socket.removeAllListeners("data");
      client.socket.on("data", (piece: Buffer) => (read += piece.length));
      client.socket.resume();
      await until(
        () => read > OFFERED,
        () => `only ${read} bytes arrived`,
      );
      source.destroy();
    });

    test("is taken from the client only as fast as the origin reads it", async () => {
      const origin = await rawServer(async (connection) => {
        connection.socket.pause();
        await connection.closed;
      });
      const { port } = await proxyServer({ target: origin.origin, ...options });
      const client = await rawClient(port);
      const source = new FeedSource();
      source.offer(OFFERED);
      await client.write(
        `POST / HTTP/1.1\r\nHost: a\r\nContent-MD5: AAAAAAAAAAAAAAAAAAAAAA==\r\nContent-Length: ${OFFERED}\r\n\r\n`,
      );
      source.pipe(client.socket);
      await stands(() => source.produced);
      expect(source.produced).toBeLessThan(BOUND);
      source.destroy();
      // Node does not look at a connection that it reads nothing from: the end is the origin's to make here.
      origin.connections[0]!.reset();
    });
  });
});
