import { buffer } from "node:stream/consumers";

import { rawServer, httpServer } from "@trailsum/testkit";
import { request } from "undici";
import { describe, expect, test } from "vitest";

import { agents, failure } from "./side-by-side.ts";

const json = JSON.stringify({ text: "Gr\u00fc\u00dfe" });

describe.each(agents)("%s hands on the content of a response", (_name, agent) => {
  const jsonServer = (): ReturnType<typeof httpServer> =>
    httpServer((_request, response) => void response.setHeader("content-type", "application/json").end(json));

  test("as text, JSON, bytes, an ArrayBuffer, a Blob", async () => {
    const server = await jsonServer();
    const dispatcher = agent({ connections: 1 });
    const body = async (): Promise<Awaited<ReturnType<typeof request>>["body"]> =>
      (await request(server.url, { dispatcher })).body;
    expect(await (await body()).text()).toBe(json);
    expect(await (await body()).json()).toEqual(JSON.parse(json));
    expect(Buffer.from(await (await body()).bytes()).toString()).toBe(json);
    expect(Buffer.from(await (await body()).arrayBuffer()).toString()).toBe(json);
    const blob = await (await body()).blob();
    expect([await blob.text(), blob.type]).toEqual([json, "application/json"]);
    expect(server.connections()).toBe(1);
  });

  test("as a stream, an async iterable, a web stream, or not at all", async () => {
    const server = await jsonServer();
    const dispatcher = agent({ connections: 1 });
    const streamed = await request(server.url, { dispatcher });
    expect((await buffer(streamed.body)).toString()).toBe(json);
    const iterated = await request(server.url, { dispatcher });
    const chunks: Buffer[] = [];
    for await (const chunk of iterated.body) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString()).toBe(json);
    const web = await request(server.url, { dispatcher });
    expect(await new Response(web.body as unknown as ReadableStream).text()).toBe(json);
    const dumped = await request(server.url, { dispatcher });
    await dumped.body.dump();
    expect(dumped.body.bodyUsed).toBe(true);
    expect(server.connections()).toBe(1);
  });

  test.each([
    ["Content-Length", "Content-Length: 11\r\n\r\nhello world"],
    ["chunks", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n"],
    ["the end of the connection", "\r\nhello world"],
  ])("delimited by %s, also when it comes byte by byte", async (_framing, text) => {
    const bytes = Buffer.from(`HTTP/1.1 200 OK\r\n${text}`);
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      for (const byte of bytes) {
        await connection.write(Buffer.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
      connection.end();
    });
    const response = await request(server.origin, { dispatcher: agent() });
    expect(await response.body.text()).toBe("hello world");
  });

  test.each([
    ["HEAD", 200, "Content-Length: 5\r\n"],
    ["HEAD", 200, "Transfer-Encoding: chunked\r\n"],
    ["GET", 204, ""],
    ["GET", 304, "Content-Length: 5\r\n"],
    ["GET", 200, "Content-Length: 0\r\n"],
  ] as const)("that is empty: %s, %i, %j", async (method, status, field) => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write(`HTTP/1.1 ${status} X\r\n${field}ETag: "x"\r\n\r\n`);
    });
    const response = await request(server.origin, { dispatcher: agent(), method });
    expect(response.statusCode).toBe(status);
    expect(response.headers.etag).toBe('"x"');
    expect(await response.body.text()).toBe("");
    expect(response.trailers).toEqual({});
  });

  test("of eight megabytes, whole and in order", async () => {
    const content = Buffer.alloc(8 << 20);
    for (let at = 0; at < content.length; at += 4) content.writeUInt32LE(at, at);
    const server = await httpServer((request_, response) => {
      if (request_.url === "/length") response.setHeader("content-length", content.length);
      response.write(content.subarray(0, 3_000_001));
      response.end(content.subarray(3_000_001));
    });
    const dispatcher = agent({ connections: 1 });
    for (const path of ["/length", "/chunked", "/length", "/chunked"]) {
      const response = await request(`${server.origin}${path}`, { dispatcher });
      expect(content.equals(await response.body.bytes())).toBe(true);
    }
    expect(server.connections()).toBe(1);
  });

  test.each([1, 65_536, 65_537, 131_072])(
    "of %i bytes to a reader who comes late, and the connection is good for the next",
    async (size) => {
      const server = await httpServer((_request, response) => void response.end(Buffer.alloc(size, "x")));
      const dispatcher = agent({ connections: 1 });
      for (let turn = 0; turn < 3; turn++) {
        const response = await request(server.url, { dispatcher, headersTimeout: 2_000 });
        await new Promise((resolve) => setTimeout(resolve, 30));
        expect((await response.body.bytes()).length).toBe(size);
      }
      expect(server.connections()).toBe(1);
    },
  );

  test("not beyond what a dump takes: the connection is closed", async () => {
    const server = await httpServer((_request, response) => void response.end(Buffer.alloc(4 << 20)));
    const response = await request(server.url, { dispatcher: agent() });
    await response.body.dump({ limit: 1_000 });
    await expect.poll(() => server.connections()).toBe(0);
  });
});

describe.each(agents)("%s fails the content of a response", (_name, agent) => {
  test.each([
    ["Content-Length", "Content-Length: 11\r\n\r\nhello"],
    ["chunks", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"],
    ["chunks whose last one lacks its final line break", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"],
  ])("delimited by %s when the connection ends before it", async (_framing, text) => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      connection.end(`HTTP/1.1 200 OK\r\n${text}`);
    });
    const response = await request(server.origin, { dispatcher: agent() });
    expect(await failure(response.body.text())).toBe("UND_ERR_SOCKET");
  });

  test("when the connection is reset", async () => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello");
      await connection.readUntil("never", 50).catch(() => connection.reset());
    });
    const response = await request(server.origin, { dispatcher: agent() });
    expect(await failure(response.body.text())).toBe("ECONNRESET");
  });

  test("when a chunk is malformed", async () => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n");
    });
    const content = request(server.origin, { dispatcher: agent() }).then(({ body }) => body.text());
    await expect(content).rejects.toThrow(expect.objectContaining({ name: "HTTPParserError" }));
  });
});
