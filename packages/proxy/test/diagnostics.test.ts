import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer } from "node:http";
import { promisify } from "node:util";

import { listen, rawClient, echoServer, httpServer } from "@trailsum/testkit";
import { describe, expect, onTestFinished, test } from "vitest";

import { ask, FRONTS, proxyServer } from "./peers.ts";

/** What is published on a channel until the test has ended. */
function published(name: string): Record<string, unknown>[] {
  const messages: Record<string, unknown>[] = [];
  const listener = (message: unknown): void => void messages.push(message as Record<string, unknown>);
  subscribe(name, listener);
  onTestFinished(() => void unsubscribe(name, listener));
  return messages;
}

const GET = "GET /path?token=secret HTTP/1.1\r\nHost: a\r\n\r\n";

test("an exchange is published when it begins and when it has ended, as the same object", async () => {
  const starts = published("trailsum:exchange:start");
  const ends = published("trailsum:exchange:end");
  const origin = await httpServer((_req, res) => void res.end("ok"));
  const { port } = await proxyServer({ target: origin.origin });
  await ask(port, GET);
  await expect.poll(() => ends.length).toBe(1);
  expect(starts[0]).toBe(ends[0]);
  expect(ends[0]).toMatchObject({
    by: "proxy",
    target: "/path?token=***",
    status: 200,
    sent: 2,
    origin: origin.origin,
  });
});

test("trailers that the policy drops are published with their names, and those that pass are not", async () => {
  const dropped = published("trailsum:trailers:dropped");
  const origin = await httpServer((req, res) => {
    req.resume().on("end", () => {
      res.writeHead(200, { Trailer: "Kept" });
      res.write("content");
      res.addTrailers({ Kept: "1", Lost: "2" });
      res.end();
    });
  });
  const { port } = await proxyServer({ target: origin.origin, responseTrailers: ["kept"] });
  const head = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  await ask(port, `${head}4\r\nbody\r\n0\r\nMd5: x\r\nOther: y\r\n\r\n`);
  await expect
    .poll(() => dropped)
    .toEqual([
      { direction: "request", names: ["Other"] },
      { direction: "response", names: ["Lost"] },
    ]);
});

test("an upstream is published once when it is ejected, and once when it has returned", async () => {
  const ejected = published("trailsum:upstream:ejected");
  const returned = published("trailsum:upstream:returned");
  const origin = createServer((_req, res) => void res.end("ok"));
  const { port: free, origin: target } = await listen(origin);
  await promisify(origin.close.bind(origin))();
  const { port } = await proxyServer({ target, health: { maxFailures: 2, ejectedFor: 0 } });
  for (let turn = 0; turn < 4; turn += 1) expect((await ask(port, GET)).startLine).toContain("502");
  expect([ejected, returned]).toEqual([[{ origin: target }], []]);
  await once(origin.listen(free, "127.0.0.1"), "listening");
  expect((await ask(port, GET)).startLine).toContain("200");
  expect([ejected.length, returned]).toEqual([1, [{ origin: target }]]);
});

test("a connection is published when it opens and closes, and one that opened before is not", async () => {
  const origin = await httpServer((_req, res) => void res.end("ok"));
  const { port } = await proxyServer({ target: origin.origin });
  const before = await rawClient(port);
  await before.write(GET);
  await before.readUntil("ok");
  const opens = published("trailsum:connection:open");
  const closes = published("trailsum:connection:close");
  const client = await rawClient(port);
  await expect.poll(() => opens).toEqual([{ remoteAddress: "127.0.0.1", protocol: "http" }]);
  before.destroy();
  client.destroy();
  await expect.poll(() => closes.length).toBe(1);
  expect(closes[0]).toBe(opens[0]);
});

describe.each(FRONTS)("a proxy %s", (_front, front) => {
  test.each(["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "not one", "00-0"])(
    "forwards the traceparent %j and the tracestate as they came",
    async (traceparent) => {
      const origin = await echoServer();
      const { port } = await front({ target: origin.origin });
      const fields = `TraceParent: ${traceparent}\r\nTraceState: a=1, b=2\r\nTraceState: c=3\r\n`;
      const { body } = await ask(port, `GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\n`);
      const { rawHeaders } = JSON.parse(body.toString()) as { rawHeaders: string[] };
      const at = rawHeaders.indexOf("TraceParent");
      expect(rawHeaders.slice(at, at + 6)).toEqual([
        "TraceParent",
        traceparent,
        "TraceState",
        "a=1, b=2",
        "TraceState",
        "c=3",
      ]);
    },
  );
});
