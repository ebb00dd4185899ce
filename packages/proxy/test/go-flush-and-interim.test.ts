import { rawClient, rawServer, httpServer } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { ask, proxyServer } from "./peers.ts";

test("Go 31, rules 41, 42: content that comes in many small pieces arrives whole", async () => {
  const pieces = Array.from({ length: 200 }, (_, at) => `piece ${at}\n`);
  const origin = await httpServer(async (_request, response) => {
    for (const piece of pieces) {
      response.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    response.end();
  });
  const { port } = await proxyServer({ target: origin.origin });
  const message = await ask(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  expect(message.body.toString()).toBe(pieces.join(""));
});

test.each(["Content-Type: text/event-stream", "Content-Length: 10", "Content-Type: text/plain"])(
  "Go 33 and 34, rules 41 to 43: a head with %s goes out before any content, and each piece before the next",
  async (field) => {
    const [head, first] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const chunked = !field.startsWith("Content-Length");
    const origin = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write(`HTTP/1.1 200 OK\r\n${field}\r\n${chunked ? "Transfer-Encoding: chunked\r\n" : ""}\r\n`);
      await head.promise;
      await connection.write(chunked ? "5\r\nfirst\r\n" : "first");
      await first.promise;
      await connection.write(chunked ? "5\r\nfinal\r\n0\r\n\r\n" : "final");
    });
    const { port } = await proxyServer({ target: origin.origin });
    const client = await rawClient(port);
    await client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect((await client.readHead()).toString()).toContain(field);
    head.resolve();
    await client.readUntil("first");
    first.resolve();
    await client.readUntil(chunked ? "final\r\n0\r\n\r\n" : "final");
  },
);

test("Go 40, rules 45, 46: 103 and 102 are relayed in order, each with its own fields, before the final response", async () => {
  const link = (name: string): string => `Link: </${name}>; rel=preload\r\n`;
  const origin = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write(`HTTP/1.1 103 Early Hints\r\n${link("a")}${link("b")}\r\n`);
    await connection.write(`HTTP/1.1 102 Processing\r\n${link("a")}${link("b")}${link("c")}\r\n`);
    await connection.write(`HTTP/1.1 200 OK\r\n${link("a")}${link("b")}${link("c")}Content-Length: 5\r\n\r\nHello`);
  });
  const { port } = await proxyServer({ target: origin.origin });
  const client = await rawClient(port);
  await client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const heads: string[] = [];
  for (let turn = 0; turn < 3; turn += 1) heads.push((await client.readHead()).toString());
  expect(heads.map((head) => head.split("\r\n")[0])).toEqual([
    "HTTP/1.1 103 Early Hints",
    "HTTP/1.1 102 Processing",
    "HTTP/1.1 200 OK",
  ]);
  expect(heads.map((head) => head.split("Link:").length - 1)).toEqual([2, 3, 3]);
  expect((await client.readBytes(5)).toString()).toBe("Hello");
});

test("Go 41, rule 47: a 103 that comes after the client has gone is relayed to no one and does no harm", async () => {
  const origin = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    await gone.promise;
    for (let turn = 0; turn < 4; turn += 1) await connection.write("HTTP/1.1 103 Early Hints\r\n\r\n").catch(() => {});
    await connection.readToEnd();
  });
  const gone = Promise.withResolvers<void>();
  const { port, records } = await proxyServer({ target: origin.origin });
  const client = await rawClient(port);
  await client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.readHead();
  client.reset();
  gone.resolve();
  await expect.poll(() => records.map(({ status, error }) => [status, error?.code])).toEqual([[undefined, "ABORTED"]]);
  await origin.finished();
});

test("Go 42, rule 61: an unannounced trailer arrives after an empty body", async () => {
  const origin = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    await connection.write("0\r\nX-Unannounced-Trailer: unannounced_value\r\n\r\n");
  });
  const { port } = await proxyServer({ target: origin.origin });
  const message = await ask(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  expect(message.complete).toBe(true);
  expect(message.body.length).toBe(0);
  expect(message.trailerLines).toEqual(["X-Unannounced-Trailer: unannounced_value"]);
  expect(message.fieldLines.join("\n")).not.toMatch(/^Trailer:/m);
});
