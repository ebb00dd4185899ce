import { rawServer, echoServer, httpServer, seen } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import type { InboundRequest } from "../src/index.ts";
import { ask, askEcho, lines, mountedServer, proxyServer, readMessage, trailerAgent } from "./peers.ts";

// The numbers are those of Go's reverseproxy_test.go, the rules those of the notes on its behaviour.

describe("Go 1, rules 10, 19, 21, 22, 23, 27, 60: a request and its answer", () => {
  test("the origin sees end-to-end fields only, and the client the status, fields, cookie and both trailers", async () => {
    const origin = await httpServer(async (request, response) => {
      const { headers } = await seen(request);
      expect(headers["connection"]).toBe("keep-alive, TE");
      expect(headers["te"]).toBe("trailers");
      expect(headers["x-forwarded-for"]).toBe("127.0.0.1");
      expect(headers["host"]).toBe("some-name");
      for (const name of ["transfer-encoding", "upgrade", "proxy-connection", "keep-alive"]) {
        expect(headers).not.toHaveProperty(name);
      }
      response.writeHead(404, [
        "X-Foo",
        "bar",
        "X-Multi-Value",
        "foo",
        "X-Multi-Value",
        "bar",
        "Set-Cookie",
        "flavor=chocolateChip",
        "Trailers",
        "not a special field",
        "Upgrade",
        "foo",
        "Keep-Alive",
        "timeout=7",
        "Trailer",
        "X-Trailer",
      ]);
      response.write("I am the backend");
      response.addTrailers([
        ["X-Trailer", "trailer_value"],
        ["X-Unannounced-Trailer", "unannounced_value"],
      ]);
      response.end();
    });
    const { port } = await proxyServer({ target: origin.origin, host: "inbound" });
    const message = await ask(
      port,
      "GET / HTTP/1.1\r\nHost: some-name\r\nConnection: close, TE\r\nTE: foo\r\nTE: bar, trailers\r\n" +
        "Proxy-Connection: should be deleted\r\nUpgrade: foo\r\nKeep-Alive: 5\r\n\r\n",
    );
    expect(message.startLine).toBe("HTTP/1.1 404 Not Found");
    expect(message.fieldLines).toEqual(
      expect.arrayContaining([
        "X-Foo: bar",
        "X-Multi-Value: foo",
        "X-Multi-Value: bar",
        "Set-Cookie: flavor=chocolateChip",
        "Trailers: not a special field",
        "Trailer: X-Trailer",
        "Connection: close",
      ]),
    );
    expect(message.fieldLines.join("\n")).not.toMatch(/^(Upgrade|Keep-Alive):/m);
    expect(message.body.toString()).toBe("I am the backend");
    expect(message.trailerLines).toEqual(["X-Trailer: trailer_value", "X-Unannounced-Trailer: unannounced_value"]);
  });

  test("an origin that hangs up without an answer gives the client 502", async () => {
    const origin = await rawServer(async (connection) => {
      await connection.readHead();
      connection.destroy();
    });
    const { port, records } = await proxyServer({ target: origin.origin });
    const message = await ask(port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    expect(message.startLine).toBe("HTTP/1.1 502 Bad Gateway");
    expect(message.fieldLines).toContain("Content-Type: application/problem+json");
    await expect.poll(() => records.map((record) => record.error?.code)).toEqual(["CONNECTION_LOST"]);
  });
});

describe.each([
  ["Go 2, rule 21: two Connection lines that name fields", ["Connection: Upgrade, tok", "Connection: hdr"]],
  ["Go 3, rule 21: an empty Connection line before one that names fields", ["Connection: ", "Connection: tok, hdr"]],
])("%s", (_name, connection) => {
  const fields = [...connection, "tok: is removed", "hdr: is removed", "Keeps: this"].map((line) => `${line}\r\n`);

  test("of a request keep them from the origin, and the request object stays as it was", async () => {
    const origin = await echoServer();
    const requests: InboundRequest[] = [];
    const { port } = await mountedServer({
      target: origin.origin,
      rewrite: (exchange) => void requests.push(exchange.in),
    });
    const { rawHeaders } = await askEcho(port, `GET / HTTP/1.1\r\nHost: a\r\n${fields.join("")}\r\n`);
    const received = lines(rawHeaders);
    expect(received).toContain("Keeps: this");
    expect(received.join("\n")).not.toMatch(/^(tok|hdr|upgrade):/im);
    const { header, message } = requests[0]!;
    expect(header.getAll("tok")).toEqual(["is removed"]);
    expect(header.getAll("Connection")).toEqual(connection.map((line) => line.slice("Connection: ".length)));
    expect(message!.headers["hdr"]).toBe("is removed");
  });

  test("of a response keep them from the client", async () => {
    const origin = await rawServer(async (peer) => {
      await peer.readHead();
      await peer.write(`HTTP/1.1 200 OK\r\n${fields.join("")}Content-Length: 2\r\n\r\nok`);
    });
    const { port } = await proxyServer({ target: origin.origin });
    const message = await ask(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(message.body.toString()).toBe("ok");
    expect(message.fieldLines).toContain("Keeps: this");
    expect(message.fieldLines.join("\n")).not.toMatch(/^(tok|hdr):/m);
  });
});

const forged = [
  "Forwarded: for=9.9.9.9",
  "X-Forwarded-For: 9.9.9.9",
  "X-Forwarded-For: 8.8.8.8",
  "X-Forwarded-Host: evil.example",
  "X-Forwarded-Proto: https",
].map((line) => `${line}\r\n`);

test("Go 4, rule 16: a trusted client's X-Forwarded-For is kept in front of its own address", async () => {
  const origin = await echoServer();
  const { port } = await proxyServer({ target: origin.origin, trustForwarded: true });
  const { headers } = await askEcho(port, `GET / HTTP/1.1\r\nHost: a.example\r\n${forged.join("")}\r\n`);
  expect(headers["x-forwarded-for"]).toBe("9.9.9.9, 8.8.8.8, 127.0.0.1");
  expect(headers["x-forwarded-host"]).toBe("evil.example");
  expect(headers["x-forwarded-proto"]).toBe("https");
});

test("Go 5, rule 17: with forwarded: none the origin gets no word of who asked", async () => {
  const origin = await echoServer();
  const { port } = await proxyServer({ target: origin.origin, forwarded: "none" });
  const { headers } = await askEcho(port, `GET / HTTP/1.1\r\nHost: a.example\r\n${forged.join("")}\r\n`);
  expect(Object.keys(headers).filter((name) => name.includes("forwarded"))).toEqual([]);
});

test("Go 6, rules 15, 18: what a client forges of itself does not reach the origin, named in Connection or not", async () => {
  const origin = await echoServer();
  const { port } = await proxyServer({ target: origin.origin });
  for (const connection of ["keep-alive", "X-Forwarded-For"]) {
    const { headers } = await askEcho(
      port,
      `GET / HTTP/1.1\r\nHost: a.example\r\nConnection: ${connection}\r\n${forged.join("")}\r\n`,
    );
    expect(headers).not.toHaveProperty("forwarded");
    expect(headers["x-forwarded-for"]).toBe("127.0.0.1");
    expect(headers["x-forwarded-host"]).toBe("a.example");
    expect(headers["x-forwarded-proto"]).toBe("http");
  }
});

test.each([
  ["explicit UA", "User-Agent: explicit UA\r\n", "explicit UA"],
  ["an empty one", "User-Agent: \r\n", ""],
  ["none", "", undefined],
])("Go 7, rule 19: a client whose User-Agent is %s is not given another", async (_name, field, expected) => {
  const origin = await echoServer();
  const { port } = await proxyServer({ target: origin.origin });
  const { headers } = await askEcho(port, `GET / HTTP/1.1\r\nHost: a\r\n${field}\r\n`);
  expect(headers["user-agent"]).toBe(expected);
});

test("Go 8 and 9, rules 3, 4, 13: what rewrite changes goes out, and the request that came in does not change", async () => {
  const origin = await echoServer();
  const requests: InboundRequest[] = [];
  const { port } = await mountedServer({
    target: `${origin.origin}/base?first`,
    rewrite: ({ in: request, out }) => {
      requests.push(request);
      out.header = out.header.with("From-Rewrite", "yes");
      out.target += "&third";
    },
  });
  const got = await askEcho(port, "GET /path?second HTTP/1.1\r\nHost: a\r\n\r\n");
  expect(got.headers["from-rewrite"]).toBe("yes");
  expect(got.url).toBe("/base/path?first&second&third");
  const request = requests[0]!;
  expect(request.target).toEqual({ path: "/path", query: "second", authority: undefined });
  expect([...request.header]).toEqual([["Host", "a"]]);
  expect(request.message!.rawHeaders).toEqual(["Host", "a"]);
  expect(request.message!.url).toBe("/path?second");
});

test("rule 8: a client that closes its connection does not close the one to the origin", async () => {
  const origin = await rawServer(async (peer) => {
    for (;;) {
      const from = peer.received.length;
      const { fieldLines } = await readMessage(peer, { from });
      expect(fieldLines).toContain("Connection: keep-alive");
      await peer.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
  });
  const { port } = await proxyServer({ target: origin.origin, dispatcher: trailerAgent() });
  for (let turn = 0; turn < 3; turn += 1) {
    const message = await ask(port, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(message.fieldLines).toContain("Connection: close");
  }
  expect(origin.connections.length).toBe(1);
});
