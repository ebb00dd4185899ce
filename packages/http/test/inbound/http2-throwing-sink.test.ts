import { createServer, type Socket } from "node:net";

import { listen, rawHttp2Client, requestFields } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { Connections } from "../../src/inbound/connections.ts";
import { Http2Connection } from "../../src/inbound/http2/http2-connection.ts";
import type { InboundExchange } from "../../src/inbound/inbound-exchange.ts";
import { LIMITS } from "../http1/reading.ts";

// Vitest fails a test during which an exception has no handler.

test("what takes content and throws costs its own connection, and no other", async () => {
  const connections = new Connections();
  const options = {
    connections,
    limits: LIMITS,
    timeouts: { keepAlive: 60_000, head: 60_000, idle: 60_000, minRate: 0 },
    protocol: "http" as const,
    handle: async ({ content }: InboundExchange): Promise<void> =>
      content?.flow({
        onContent: () => {
          throw new Error("not this");
        },
        onEnd: () => {},
        onLost: () => {},
      }),
  };
  const server = createServer({ allowHalfOpen: true }, (socket: Socket) => {
    connections.add(new Http2Connection(socket, options));
  });
  const { port } = await listen(server);
  const [peer, other] = [await rawHttp2Client(port), await rawHttp2Client(port)];
  const stream = await peer.request(requestFields("PUT", "/"));
  await peer.ping();
  await stream.body("content");
  await peer.untilClosed();
  await expect(other.ping()).resolves.toBeUndefined();
  other.connection.destroy();
});
