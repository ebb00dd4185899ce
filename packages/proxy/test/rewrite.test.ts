import { FieldLines } from "@trailsum/shared";
import { rawServer, echoServer } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { ask, askEcho, lines, proxyServer } from "./peers.ts";

const GET = "GET /path?query HTTP/1.1\r\nHost: asked.example\r\nX-Own: client\r\n\r\n";

test("rule 13: rewrite runs after the removal of hop-by-hop fields, and what it adds of them is sent", async () => {
  const origin = await echoServer();
  const { port } = await proxyServer({
    target: origin.origin,
    rewrite: ({ out }) => {
      expect(out.header.has("Proxy-Authorization")).toBe(false);
      out.header = out.header.with("Proxy-Authorization", "Basic ours").with("Proxy-Connection", "x");
    },
  });
  const { rawHeaders } = await askEcho(
    port,
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Proxy-Authorization\r\nProxy-Authorization: Basic theirs\r\n\r\n",
  );
  const received = lines(rawHeaders);
  expect(received.filter((line) => /^proxy/i.test(line))).toEqual([
    "Proxy-Authorization: Basic ours",
    "Proxy-Connection: x",
  ]);
});

test("rule 13: no client can remove a field that rewrite adds by naming it in Connection", async () => {
  const origin = await echoServer();
  const { port } = await proxyServer({
    target: origin.origin,
    rewrite: ({ out }) => {
      out.header = out.header.with("X-Authenticated", "no");
    },
  });
  const { headers } = await askEcho(port, "GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Authenticated\r\n\r\n");
  expect(headers["x-authenticated"]).toBe("no");
});

test("rewrite sets and deletes fields in any case: the origin gets one Authorization and no Cookie", async () => {
  const origin = await echoServer();
  const { port } = await proxyServer({
    target: origin.origin,
    rewrite: ({ out }) => {
      out.header = out.header.set("Authorization", "Bearer ours").delete("cookie");
    },
  });
  const { rawHeaders } = await askEcho(
    port,
    "GET / HTTP/1.1\r\nHost: a\r\nauthorization: Basic one\r\nCookie: a=b\r\nAUTHORIZATION: Basic two\r\n\r\n",
  );
  expect(lines(rawHeaders).filter((line) => /^(?:authorization|cookie):/i.test(line))).toEqual([
    "Authorization: Bearer ours",
  ]);
});

test("rule 13: rewrite can have the connection to the origin closed after the exchange", async () => {
  const origin = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    await connection.readToEnd();
  });
  const { port } = await proxyServer({
    target: origin.origin,
    rewrite: ({ out }) => {
      out.header = out.header.with("Connection", "close");
    },
  });
  expect((await ask(port, GET)).fieldLines).toContain("Connection: keep-alive");
  await origin.finished();
});

test("rewrite can change method, target, Host and header, and take its time", async () => {
  const origin = await echoServer();
  const { port, records } = await proxyServer({
    target: origin.origin,
    rewrite: async ({ in: inbound, out }) => {
      await Promise.resolve();
      expect(inbound).toMatchObject({ method: "GET", host: "asked.example", protocol: "http", httpVersion: "1.1" });
      expect(inbound.remoteAddress).toBe("127.0.0.1");
      out.method = "REPORT";
      out.target = "/else%2Fwhere?x=%20";
      out.host = "virtual.example";
      out.header = FieldLines.from([["X-Only", "one"]]);
    },
  });
  const got = await askEcho(port, GET);
  expect(got).toMatchObject({ method: "REPORT", url: "/else%2Fwhere?x=%20" });
  expect(lines(got.rawHeaders)).toEqual(["Host: virtual.example", "X-Only: one", "Connection: keep-alive"]);
  await expect.poll(() => records[0]?.method).toBe("GET");
});

test("rewrite can send a request elsewhere, and the target that is not there is not asked", async () => {
  const origin = await echoServer();
  const { port } = await proxyServer({
    target: "http://127.0.0.1:1",
    rewrite: ({ out }) => {
      out.origin = origin.origin;
    },
  });
  const { headers, url } = await askEcho(port, GET);
  expect(headers["host"]).toBe(origin.url.host);
  expect(url).toBe("/path?query");
});

test.each([
  [
    "throws",
    () => {
      throw new Error("secret");
    },
  ],
  ["rejects", () => Promise.reject(new Error("secret"))],
])("a rewrite that %s gives 500 and reveals nothing of it, and nothing reaches the origin", async (_how, rewrite) => {
  const origin = await rawServer(() => {});
  const { port, records } = await proxyServer({ target: origin.origin, rewrite });
  const message = await ask(port, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
  expect(message.startLine).toBe("HTTP/1.1 500 Internal Server Error");
  expect(message.body.toString()).not.toContain("secret");
  expect(origin.connections.length).toBe(0);
  await expect
    .poll(() => records.map(({ error, status }) => [status, error?.message]))
    .toEqual([[500, expect.stringContaining("secret")]]);
});

test("a rewrite that aims at no URL gives an error, and the proxy lives on", async () => {
  const { port, records } = await proxyServer({
    target: "http://127.0.0.1:1",
    rewrite: ({ out }) => {
      out.origin = "nowhere";
    },
  });
  for (let turn = 0; turn < 2; turn += 1) expect((await ask(port, GET)).startLine).toContain(" 500 ");
  await expect.poll(() => records.map(({ origin }) => origin)).toEqual(["nowhere", "nowhere"]);
});

test("a rewrite that makes a request which cannot be sent gives 500, and does not speak against the target", async () => {
  const origin = await echoServer();
  let bad = true;
  const { port } = await proxyServer({
    target: [origin.origin, `${origin.origin}/other`],
    health: { maxFailures: 1, ejectedFor: 60_000 },
    rewrite: ({ out }) => {
      if (bad) out.header = out.header.with("Bad", "a\r\nInjected: yes");
    },
  });
  for (let turn = 0; turn < 4; turn += 1) expect((await ask(port, GET)).startLine).toContain(" 500 ");
  bad = false;
  expect((await askEcho(port, GET)).headers).not.toHaveProperty("injected");
});
