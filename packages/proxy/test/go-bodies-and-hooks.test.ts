import { createHash, randomBytes } from "node:crypto";

import { parseMessage, rawClient, rawServer, echoServer, httpServer } from "@trailsum/testkit";
import { request } from "undici";
import { describe, expect, test } from "vitest";

import type { ReverseProxyOptions } from "../src/index.ts";
import { ask, askEcho, proxyServer, trailerAgent } from "./peers.ts";

test("Go 19: a POST of 1 MiB arrives as it was sent, and so does its echo", async () => {
  const origin = await httpServer((incoming, response) => void incoming.pipe(response));
  const { origin: url } = await proxyServer({ target: origin.origin });
  const sent = randomBytes(1_048_576);
  const { statusCode, body } = await request(url, { dispatcher: trailerAgent(), method: "POST", body: sent });
  const got = Buffer.from(await body.arrayBuffer());
  expect(statusCode).toBe(200);
  expect(createHash("md5").update(got).digest("hex")).toBe(createHash("md5").update(sent).digest("hex"));
});

test("Go 20, rule 6: a client of HTTP/1.0 gets its answer, with an end of the connection after it", async () => {
  const origin = await httpServer((_request, response) => {
    response.write("hello");
    response.addTrailers([["X-T", "1"]]);
    response.end();
  });
  const { port } = await proxyServer({ target: origin.origin });
  const client = await rawClient(port);
  void client.write("GET / HTTP/1.0\r\n\r\n");
  const message = parseMessage(await client.readToEnd());
  expect(message.body.toString()).toBe("hello");
  expect(message.fieldLines.join("\n")).not.toMatch(/^(Transfer-Encoding|Trailer):/m);
  expect(client.error).toBeUndefined();
});

test.each([
  ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", undefined],
  ["GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", undefined],
  ["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "0"],
  ["DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", undefined],
])("Go 21, rule 5: %j has no content, and goes out with none", async (head, length) => {
  const origin = await echoServer();
  const { port } = await proxyServer({ target: origin.origin });
  const { headers, body } = await askEcho(port, head);
  expect(headers["content-length"]).toBe(length);
  expect(headers).not.toHaveProperty("transfer-encoding");
  expect(body).toBe("");
});

describe("Go 23, rule 34: modifyResponse", () => {
  test("that throws for one path gives 502 there, and 200 elsewhere", async () => {
    const origin = await httpServer((incoming, response) => void response.end(incoming.url));
    const { port, records } = await proxyServer({
      target: origin.origin,
      modifyResponse: (_response, { target }) => {
        if (target.path === "/bad") throw new Error("not this one");
      },
    });
    expect((await ask(port, "GET /bad HTTP/1.1\r\nHost: a\r\n\r\n")).startLine).toBe("HTTP/1.1 502 Bad Gateway");
    expect((await ask(port, "GET /good HTTP/1.1\r\nHost: a\r\n\r\n")).body.toString()).toBe("/good");
    await expect.poll(() => records.map(({ status }) => status)).toEqual([502, 200]);
    expect(records[0]!.error?.message).toContain("not this one");
  });
});

describe("Go 24, rules 33, 34: errorHandler", () => {
  test("by default answers 502 when no one listens at the target", async () => {
    const { port } = await proxyServer({ target: "http://127.0.0.1:1" });
    expect((await ask(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")).startLine).toBe("HTTP/1.1 502 Bad Gateway");
  });

  test("of one's own answers for an origin that cannot be reached and for a modifyResponse that throws", async () => {
    const origin = await httpServer((_request, response) => void response.writeHead(345).end());
    const codes: string[] = [];
    const options: Pick<ReverseProxyOptions, "errorHandler"> = {
      errorHandler: ({ code }) => {
        codes.push(code);
        return { status: 418 };
      },
    };
    const unreachable = await proxyServer({ target: "http://127.0.0.1:1", ...options });
    expect((await ask(unreachable.port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")).startLine).toContain(" 418 ");
    const failing = await proxyServer({
      target: origin.origin,
      ...options,
      modifyResponse: () => Promise.reject(new Error("no")),
    });
    expect((await ask(failing.port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")).startLine).toContain(" 418 ");
    expect(codes).toEqual(["CONNECT_FAILED", "INTERNAL"]);
  });

  test("is not asked where modifyResponse makes 345 a 346", async () => {
    const origin = await httpServer((_request, response) => void response.writeHead(345).end());
    const { port } = await proxyServer({
      target: origin.origin,
      modifyResponse: (response) => {
        response.status += 1;
      },
    });
    expect((await ask(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")).startLine).toContain(" 346 ");
  });
});

test("Go 25, rule 34: when modifyResponse throws, the response of the origin is given up and its connection closed", async () => {
  const origin = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegin");
    await connection.closed;
  });
  const { port } = await proxyServer({
    target: origin.origin,
    modifyResponse: () => {
      throw new Error("no");
    },
  });
  expect((await ask(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")).startLine).toBe("HTTP/1.1 502 Bad Gateway");
  await origin.connections[0]!.readToEnd();
});

/** Announces twice what it sends, and hangs up. */
const liar = (): ReturnType<typeof httpServer> =>
  httpServer((incoming) => {
    const { socket } = incoming;
    incoming.resume().on("end", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n".padEnd(140, "x")));
  });

test("Go 26 and 27, rules 37, 39: an origin that sends less than it announced aborts the client's response", async () => {
  const origin = await liar();
  const { port, records } = await proxyServer({ target: origin.origin });
  const message = await ask(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  expect(message.startLine).toBe("HTTP/1.1 200 OK");
  expect(message.complete).toBe(false);
  expect(message.body.length).toBeLessThan(200);
  await expect
    .poll(() => records.map(({ status, error }) => [status, error?.code]))
    .toEqual([[200, "CONNECTION_LOST"]]);
});

test("Go 28, rule 7: twenty uploads of 6 MiB to an origin that lies about its length all come to an end", async () => {
  const origin = await liar();
  const { origin: url, records } = await proxyServer({ target: origin.origin });
  const dispatcher = trailerAgent();
  const body = Buffer.alloc(6 * 1_048_576, "x");
  const uploads = Array.from({ length: 20 }, async () => {
    const response = await request(url, { dispatcher, method: "POST", body });
    await response.body.text();
  });
  const results = await Promise.allSettled(uploads);
  expect(results.filter(({ status }) => status === "fulfilled")).toEqual([]);
  await expect.poll(() => records.length).toBe(20);
});

test("Go 29, rule 14: rewrite can make another request of it, to another origin", async () => {
  const [target, other] = await Promise.all([echoServer(), httpServer((_request, res) => void res.end("content"))]);
  const { port, records } = await proxyServer({
    target: target.origin,
    rewrite: ({ out }) => void Object.assign(out, { method: "GET", origin: other.origin, target: "/" }),
  });
  const message = await ask(port, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  expect(message.body.toString()).toBe("content");
  await expect.poll(() => records.map(({ origin }) => origin)).toEqual([other.origin]);
});

test("Go 30, rule 9: a client that goes away while the origin works on its request ends the request there", async () => {
  const origin = await rawServer(async (connection) => {
    await connection.readHead();
    client.destroy();
    await connection.readToEnd();
  });
  const { port, records } = await proxyServer({ target: origin.origin });
  const client = await rawClient(port);
  await client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.closed;
  await expect.poll(() => origin.connections[0]?.ended).toBe(true);
  await expect.poll(() => records.map(({ status, error }) => [status, error?.code])).toEqual([[undefined, "ABORTED"]]);
});
