import { Readable } from "node:stream";

import { rawClient, rawServer, until, httpServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { proxyServer, readMessage, stands } from "./peers.ts";

const get = (path: string, fields = ""): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
const MiB = 1_048_576;

describe("requests that are sent at once", () => {
  test("are answered in their order, with and without content, each with its own trailers", async () => {
    const origin = await httpServer(async (request, response) => {
      let body = "";
      for await (const piece of request) body += String(piece);
      response.write(`${request.method} ${request.url} ${body}`);
      response.addTrailers([["X-T", request.trailers["x-t"] ?? "none"]]);
      response.end();
    });
    const { port } = await proxyServer({ target: origin.origin, requestTrailers: "declared" });
    const client = await rawClient(port);
    await client.write(
      get("/1") +
        "POST /2 HTTP/1.1\r\nHost: a\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\nX-T: 2\r\n\r\n" +
        "PUT /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nthree" +
        "HEAD /4 HTTP/1.1\r\nHost: a\r\n\r\n" +
        get("/5", "Connection: close\r\n"),
    );
    const answers = (await client.readToEnd()).toString();
    expect(answers.match(/(?:GET|PUT|POST) \/.*?\r|X-T: .*?\r/g)?.map((line) => line.trimEnd())).toEqual([
      "GET /1",
      "X-T: none",
      "POST /2 two",
      "X-T: 2",
      "PUT /3 three",
      "X-T: none",
      "GET /5",
      "X-T: none",
    ]);
    expect(answers.match(/^HTTP\/1\.1 200 OK\r$/gm)?.length).toBe(5);
  });

  test("begin one after the other, and only when the client has taken most of the answer before", async () => {
    const asked: string[] = [];
    const origin = await httpServer((request, response) => {
      asked.push(request.url ?? "");
      response.end(request.url === "/large" ? Buffer.alloc(32 * MiB) : "small");
    });
    const { port } = await proxyServer({ target: origin.origin });
    const client = await rawClient(port);
    let [read, last] = [0, ""];
    client.socket.removeAllListeners("data");
    client.socket.on("data", (piece: Buffer) => {
      read += piece.length;
      last = piece.toString("latin1", piece.length - 5);
    });
    client.socket.pause();
    await client.write(get("/large") + get("/second"));
    await until(
      () => asked.length === 1,
      () => "nothing was asked",
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(asked).toEqual(["/large"]);
    client.socket.resume();
    await until(
      () => read > 32 * MiB && last === "small",
      () => `${read} bytes came`,
    );
    expect(asked).toEqual(["/large", "/second"]);
  });

  test("by the thousand, whose answers are not read, are not taken any more", async () => {
    let asked = 0;
    const origin = await httpServer((_request, response) => {
      asked += 1;
      response.end(Buffer.alloc(65_536));
    });
    const { port } = await proxyServer({ target: origin.origin });
    const client = await rawClient(port);
    client.socket.pause();
    const request = Buffer.from(get("/", `X: ${"x".repeat(1_000)}\r\n`));
    let produced = 0;
    const requests = new Readable({
      read() {
        produced += request.length;
        this.push(produced < 64 * MiB ? request : null);
      },
    });
    requests.pipe(client.socket);
    await until(
      () => asked > 0,
      () => "nothing was asked",
    );
    await stands(() => asked + produced);
    // The buffers of two sockets of the system lie in between, each way.
    expect(produced).toBeLessThan(20 * MiB);
    expect(asked * 65_536).toBeLessThan(20 * MiB);
    requests.destroy();
  });

  test("after one that closes the connection, or cannot be passed on, are forgotten", async () => {
    const asked: string[] = [];
    const origin = await httpServer((request, response) => {
      asked.push(request.url ?? "");
      response.end("ok");
    });
    const { port } = await proxyServer({ target: origin.origin });
    for (const [first, status] of [
      [get("/close", "Connection: close\r\n"), 200],
      ["CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 405],
      ["GET /1.0 HTTP/1.0\r\n\r\n", 200],
    ] as const) {
      const client = await rawClient(port);
      await client.write(first + get("/forgotten"));
      const answers = (await client.readToEnd()).toString();
      expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual([`HTTP/1.1 ${status}`]);
    }
    expect(asked).toEqual(["/close", "/1.0"]);
  });
});

test("a request that comes in single bytes is one request", async () => {
  const origin = await rawServer(async (connection) => {
    const { body, trailerLines } = await readMessage(connection);
    await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n${body.toString()} ${trailerLines[0]}`);
  });
  const { port } = await proxyServer({ target: origin.origin, requestTrailers: "declared" });
  const client = await rawClient(port);
  const message =
    "POST / HTTP/1.1\r\nHost: a\r\nTrailer: T\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nT: 1\r\n\r\n";
  for (const byte of message) await client.write(byte);
  expect((await client.readUntil("x T: 1")).toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
});
