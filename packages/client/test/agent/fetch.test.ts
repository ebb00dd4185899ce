import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { gzipSync } from "node:zlib";

import { listen, echoServer, httpServer, type SeenRequest } from "@trailsum/testkit";
import { fetch, getGlobalDispatcher, request, setGlobalDispatcher, WebSocket } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";

import { agents, failure } from "./side-by-side.ts";

describe.each(agents)("%s, beneath fetch,", (_name, agent) => {
  test("sends and receives", async () => {
    const server = await echoServer();
    const headers = { "X-Own": "1", "content-type": "application/json" };
    const response = await fetch(`${server.origin}/path?query`, {
      dispatcher: agent(),
      method: "PUT",
      headers,
      body: "{}",
    });
    expect([response.status, response.ok, response.headers.get("content-length")]).toMatchObject([200, true, /\d/]);
    const got = (await response.json()) as SeenRequest;
    expect(got).toMatchObject({
      method: "PUT",
      url: "/path?query",
      body: "{}",
      headers: { "x-own": "1", "content-length": "2" },
    });
  });

  test("keeps duplicates apart where fetch does", async () => {
    const server = await httpServer((_request, response) => {
      response.writeHead(200, ["Set-Cookie", "a=1", "set-cookie", "b=2", "X-A", "1", "x-a", "2"]).end();
    });
    const { headers } = await fetch(server.url, { dispatcher: agent() });
    expect([headers.getSetCookie(), headers.get("x-a")]).toEqual([["a=1", "b=2"], "1, 2"]);
  });

  test("streams a request body", async () => {
    const server = await echoServer();
    async function* generate(): AsyncGenerator<Uint8Array> {
      for (const piece of ["one ", "two ", "three"]) {
        yield new TextEncoder().encode(piece);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
    const body = ReadableStream.from(generate());
    const response = await fetch(server.url, { dispatcher: agent(), method: "POST", body, duplex: "half" });
    const got = (await response.json()) as SeenRequest;
    expect(got).toMatchObject({ body: "one two three", headers: { "transfer-encoding": "chunked" } });
  });

  test("follows redirects, and undoes content codings", async () => {
    const server = await httpServer((incoming, response) => {
      if (incoming.url === "/") response.writeHead(301, { location: "/there" }).end("moved");
      else response.setHeader("content-encoding", "gzip").end(gzipSync("answer"));
    });
    const response = await fetch(server.url, { dispatcher: agent() });
    expect([response.redirected, response.url, await response.text()]).toEqual([
      true,
      `${server.origin}/there`,
      "answer",
    ]);
  });

  test("is aborted, before the head and in the body", async () => {
    const server = await httpServer((incoming, response) => {
      if (incoming.url === "/body") response.write("some");
    });
    const dispatcher = agent();
    const before = new AbortController();
    const answer = fetch(server.url, { dispatcher, signal: before.signal });
    await expect.poll(() => server.connections()).toBe(1);
    before.abort();
    await expect(answer).rejects.toMatchObject({ name: "AbortError" });
    const within = new AbortController();
    const response = await fetch(`${server.origin}/body`, { dispatcher, signal: within.signal });
    const text = response.text();
    within.abort();
    await expect(text).rejects.toMatchObject({ name: "AbortError" });
    await expect.poll(() => server.connections()).toBe(0);
  });

  test("lets go of the connection when a body is cancelled", async () => {
    const server = await httpServer((_request, response) => void response.end(Buffer.alloc(8 << 20)));
    const response = await fetch(server.url, { dispatcher: agent() });
    await response.body?.cancel();
    await expect.poll(() => server.connections()).toBe(0);
  });

  test("fails with the cause when the connection is lost", async () => {
    const server = await httpServer((incoming) => void incoming.socket.destroy());
    const error: unknown = await failure(fetch(server.url, { dispatcher: agent() }));
    expect(error).toMatchObject({
      name: "TypeError",
      cause: { code: expect.stringMatching(/UND_ERR_SOCKET|ECONNRESET/) as string },
    });
  });
});

describe.each(agents)("%s, set as the global dispatcher,", (_name, agent) => {
  function global(): void {
    const before = getGlobalDispatcher();
    setGlobalDispatcher(agent());
    onTestFinished(() => setGlobalDispatcher(before));
  }

  test("serves undici's request and fetch", async () => {
    global();
    const server = await echoServer();
    expect((await request(server.url)).statusCode).toBe(200);
    expect((await fetch(server.url)).status).toBe(200);
  });

  test("serves the fetch that is built into Node", async () => {
    global();
    const server = await echoServer();
    const body = ReadableStream.from([Buffer.from("one "), Buffer.from("two")]);
    const response = await globalThis.fetch(server.url, { method: "POST", body, duplex: "half" });
    expect(await response.json()).toMatchObject({ method: "POST", body: "one two" });
    expect(await (await globalThis.fetch(server.url)).json()).toMatchObject({ method: "GET" });
  });
});

describe.each(agents)("%s, beneath a WebSocket,", (_name, agent) => {
  test("opens it, carries a message, and closes it", async () => {
    const http = createServer();
    http.on("upgrade", (incoming, socket) => {
      const key = `${incoming.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
      const accept = createHash("sha1").update(key).digest("base64");
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      // A text frame, and a frame that closes.
      socket.write(Buffer.from([0x81, 0x02, 0x68, 0x69, 0x88, 0x02, 0x03, 0xe8]));
      socket.once("data", () => socket.end());
    });
    const server = await listen(http);
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}`, { dispatcher: agent() });
    const [[message], [closed]] = await Promise.all([once(socket, "message"), once(socket, "close")]);
    expect([message, closed]).toMatchObject([{ data: "hi" }, { code: 1_000 }]);
    await expect.poll(() => server.connections()).toBe(0);
  });
});
