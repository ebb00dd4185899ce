import { createServer } from "node:http";
import { text } from "node:stream/consumers";

import {
  certificate,
  connectionPreface,
  errorCodes,
  listen,
  rawClient,
  rawHttp2Client,
  requestFields,
  settingsFrame,
} from "@trailsum/testkit";
import { expect, onTestFinished, test } from "vitest";

import { createProxyServer, type ProxyServerOptions } from "../src/index.ts";

/** A proxy whose patience is short, before an origin with much to give, or a little. */
async function impatientProxy(options: Omit<ProxyServerOptions, "target"> = {}): Promise<number> {
  const origin = createServer(async (request, response) => {
    await text(request).catch(() => response.destroy());
    response.end(request.url === "/large" ? Buffer.alloc(4 * 1024 * 1024) : "little");
  });
  const { origin: target } = await listen(origin);
  const proxy = createProxyServer({
    ...options,
    target,
    listen: { port: 0 },
    keepAliveTimeout: 100,
    idleTimeout: 100,
  });
  onTestFinished(() => proxy.close());
  return (await proxy.listen()).port;
}

test("hangs up on clients that say nothing, half of a preface, or a preface alone", async () => {
  const port = await impatientProxy();
  const begins = [
    Buffer.alloc(0),
    connectionPreface.subarray(0, 3),
    connectionPreface.subarray(0, -1),
    connectionPreface,
    Buffer.concat([connectionPreface, settingsFrame()]),
    Buffer.concat([connectionPreface, settingsFrame().subarray(0, 5)]),
  ];
  await Promise.all(
    begins.map(async (bytes) => {
      const client = await rawClient(port);
      await client.write(bytes);
      await expect(client.readToEnd()).resolves.toBeDefined();
      client.end();
      await client.closed;
    }),
  );
});

test("hangs up on clients that agree on HTTP/2 over TLS, and then say nothing or half of a preface", async () => {
  const { key, cert } = await certificate();
  const port = await impatientProxy({ tls: { key, cert } });
  await Promise.all(
    [Buffer.alloc(0), connectionPreface.subarray(0, 3), connectionPreface].map(async (bytes) => {
      const client = await rawClient(port, { tls: { ca: cert, ALPNProtocols: ["h2"] } });
      await client.write(bytes);
      await expect(client.readToEnd()).resolves.toBeDefined();
      client.end();
      await client.closed;
    }),
  );
});

test("resets streams whose clients give no window, or no more content, and serves others on the same connection", async () => {
  const port = await impatientProxy();
  const peer = await rawHttp2Client(port, { settings: { INITIAL_WINDOW_SIZE: 0 } });
  const thirsty = await peer.request(requestFields("GET", "/large"), { endStream: true });
  const slow = await peer.request(requestFields("PUT", "/"));
  await slow.body("x");
  expect(await thirsty.untilReset()).toBe(errorCodes.CANCEL);
  expect(await slow.untilReset()).toBe(errorCodes.CANCEL);
  await peer.send(settingsFrame({ INITIAL_WINDOW_SIZE: 1024 * 1024 }));
  const other = await peer.request(requestFields("GET", "/"), { endStream: true });
  await other.untilEnd();
  expect(other.data.toString()).toBe("little");
  await peer.untilClosed();
});

test("a stream whose client is silent continues while the origin speaks, and ends when it does not", async () => {
  const speaking = Promise.withResolvers<() => void>();
  const origin = createServer((request, response) => {
    request.resume().on("error", () => {});
    const ticks = setInterval(() => response.write("tick"), 20);
    speaking.resolve(() => clearInterval(ticks));
    response.on("close", () => clearInterval(ticks));
  });
  const proxy = createProxyServer({ target: (await listen(origin)).origin, listen: { port: 0 }, idleTimeout: 100 });
  onTestFinished(() => proxy.close());
  const peer = await rawHttp2Client((await proxy.listen()).port);
  const stream = await peer.request(requestFields("POST", "/"));
  await stream.body("subscribe");
  // For longer than the clock of the connections takes to look three times.
  await stream.untilData(4 * 150, 60_000);
  expect(stream.resetCode).toBeUndefined();
  (await speaking.promise)();
  expect(await stream.untilReset()).toBe(errorCodes.CANCEL);
  peer.connection.end();
  await peer.connection.closed;
});
