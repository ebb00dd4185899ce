import { createServer } from "node:http";

import { listen, rawClient, rawServer, httpServer, type SeenRequest, seen } from "@trailsum/testkit";
import express from "express";
import { fastify } from "fastify";
import { request } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";

import { createReverseProxy, type ReverseProxy } from "../src/index.ts";
import { ask, trailerAgent } from "./peers.ts";

/** An origin that answers with what it saw, and a trailer, and a proxy in front of it. */
async function proxied(): Promise<ReverseProxy> {
  const origin = await httpServer(async (incoming, response) => {
    const json = JSON.stringify(await seen(incoming));
    response.writeHead(200, ["Content-Type", "application/json", "Set-Cookie", "origin=1", "Vary", "Accept"]);
    response.write(json);
    response.addTrailers([["X-Trailer", "here"]]);
    response.end();
  });
  const proxy = createReverseProxy({ target: origin.origin, via: "proxy.example" });
  onTestFinished(() => proxy.close());
  return proxy;
}

const FIELDS = {
  "X-Powered-By": "middleware",
  "Content-Type": "text/html",
  "Set-Cookie": ["middleware=1", "middleware=2"],
  Vary: "Origin",
  "X-Middleware": "yes",
  "Content-Length": "3",
};

/** Uploads `body` to `url` with a trailer, and expects all of it to have reached the origin, and its answer back. */
async function uploads(url: string): Promise<SeenRequest> {
  const response = await request(url, {
    dispatcher: trailerAgent(),
    method: "PUT",
    headers: { "content-type": "application/octet-stream" },
    body: "body",
    trailers: { Md5: "841a2d689ad86bd1611447453c22c6fc" },
  });
  const got = (await response.body.json()) as SeenRequest;
  expect(response.statusCode).toBe(200);
  expect(got).toMatchObject({ method: "PUT", body: "body", rawTrailers: ["Md5", "841a2d689ad86bd1611447453c22c6fc"] });
  expect(response.trailers).toEqual({ "x-trailer": "here" });
  return got;
}

describe("rule 27: in front of the proxy, middleware sets fields on the response, and the proxy works", () => {
  test("in node:http, where they stand beside those of the origin, and once where there can be one only", async () => {
    const proxy = await proxied();
    const server = createServer((req, res) => {
      for (const [name, value] of Object.entries(FIELDS)) res.setHeader(name, value);
      void proxy(req, res);
    });
    const { port, origin } = await listen(server);
    const { fieldLines, body } = await ask(port, "GET /path HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(fieldLines.map((line) => line.toLowerCase()).filter((line) => !line.startsWith("date"))).toEqual([
      "x-powered-by: middleware",
      "set-cookie: middleware=1",
      "set-cookie: middleware=2",
      "set-cookie: origin=1",
      "vary: origin",
      "vary: accept",
      "x-middleware: yes",
      "content-type: application/json",
      "via: 1.1 proxy.example",
      "connection: close",
      "transfer-encoding: chunked",
    ]);
    expect(JSON.parse(body.toString())).toMatchObject({ url: "/path" });
    await uploads(`${origin}/upload`);
  });

  test("in Express, mounted under a path that the origin does not see", async () => {
    const proxy = await proxied();
    const app = express();
    app.use((_req, res, next) => {
      res.cookie("middleware", "1").vary("Origin");
      next();
    });
    app.use("/api", (req, res) => proxy(req, res));
    const { origin } = await listen(createServer(app));
    const { url } = await uploads(`${origin}/api/upload?q`);
    expect(url).toBe("/upload?q");
    const response = await request(`${origin}/api`, { dispatcher: trailerAgent() });
    await response.body.dump();
    expect(response.headers["set-cookie"]).toEqual(["middleware=1; Path=/", "origin=1"]);
    expect(response.headers["vary"]).toEqual(["Origin", "Accept"]);
    const elsewhere = await request(origin, { dispatcher: trailerAgent() });
    await elsewhere.body.dump();
    expect(elsewhere.statusCode).toBe(404);
  });

  test("in Express, a body parser in front of it gives an error, and no request without its content", async () => {
    const proxy = await proxied();
    const app = express();
    app.use(express.json());
    app.use((req, res) => proxy(req, res));
    const { origin } = await listen(createServer(app));
    const response = await request(origin, {
      dispatcher: trailerAgent(),
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"a":1}',
    });
    expect(response.statusCode).toBe(500);
    expect(await response.body.json()).toMatchObject({ status: 500 });
  });

  test("in Fastify, with a hijacked reply and a content type parser that leaves the content alone", async () => {
    const proxy = await proxied();
    const app = fastify({
      serverFactory: (handler) => {
        server.on("request", handler);
        return server;
      },
    });
    app.addContentTypeParser("*", (_request, _payload, done) => done(null));
    app.all("/*", (incoming, reply) => {
      reply.hijack();
      void proxy(incoming.raw, reply.raw);
    });
    await app.ready();
    const { origin } = await listen(server);
    expect(await uploads(`${origin}/upload?q`)).toMatchObject({ url: "/upload?q" });
  });

  const server = createServer();
});

test("mounted in node:http, an empty URL, or a query alone, asks for the root", async () => {
  const proxy = await proxied();
  const server = createServer((req, res) => {
    req.url = req.url!.replace("/api", "");
    void proxy(req, res);
  });
  const { port } = await listen(server);
  for (const [asked, path] of [
    ["/api", "/"],
    ["/api?a=b", "/?a=b"],
    ["/api?", "/?"],
  ]) {
    const { body } = await ask(port, `GET ${asked} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    expect(JSON.parse(body.toString())).toMatchObject({ url: path });
  }
});

describe("with a mountPath,", () => {
  /** A proxy mounted under /api in Express, and as the server's listener for upgrades. */
  async function underApi(mountPath: string): Promise<{ port: number; asked: string[] }> {
    const asked: string[] = [];
    const origin = await rawServer(async (connection) => {
      const [line = ""] = (await connection.readHead()).toString().split("\r\n");
      asked.push(line);
      await connection.write("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
      connection.end();
      await connection.readToEnd();
    });
    const proxy = createReverseProxy({ target: `${origin.origin}/base`, mountPath });
    onTestFinished(() => proxy.close());
    const app = express();
    app.use("/api", (req, res) => proxy(req, res));
    const server = createServer(app);
    server.on("upgrade", (req, socket, head) => void proxy.upgrade(req, socket, head));
    const { port } = await listen(server);
    return { port, asked };
  }

  const UPGRADE = "Connection: close, Upgrade\r\nUpgrade: websocket\r\n";

  test.each(["/api", "/api/"])("%s, a WebSocket goes where any other request goes", async (mountPath) => {
    const { port, asked } = await underApi(mountPath);
    for (const [path, below] of [
      ["/api/chat?room=1", "/base/chat?room=1"],
      ["/api", "/base/"],
      ["/api?a=b", "/base/?a=b"],
      ["/api//x", "/base//x"],
    ]) {
      for (const fields of ["Connection: close\r\n", UPGRADE]) {
        asked.length = 0;
        const { startLine } = await ask(port, `GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`);
        expect([startLine, asked]).toEqual(["HTTP/1.1 204 No Content", [`GET ${below} HTTP/1.1`]]);
      }
    }
  });

  test.each(["/", "/ap", "/apis/x", "/x/api", "/API/x"])(
    "%s, which is not below it, is answered with 404",
    async (path) => {
      const { port, asked } = await underApi("/api");
      const { startLine } = await ask(port, `GET ${path} HTTP/1.1\r\nHost: a\r\n${UPGRADE}\r\n`);
      expect([startLine, asked]).toEqual(["HTTP/1.1 404 Not Found", []]);
    },
  );

  test.each(["", "api", "http://a/", "/a?b", "/a#b", "/a b"])("%j is a usage error", (mountPath) => {
    expect(() => createReverseProxy({ target: "http://127.0.0.1:1", mountPath })).toThrow(
      expect.objectContaining({ code: "USAGE" }),
    );
  });
});

test.each([
  ["raw UTF-8", Buffer.from("attachment; filename=漏洞.txt")],
  ["raw latin1", Buffer.from("attachment; filename=\xe9.txt", "latin1")],
])("mounted in node:http, %s in fields is forwarded octet for octet, both ways", async (_what, value) => {
  const text = value.toString("latin1");
  const fields = `Content-Length: 2\r\nContent-Disposition: ${text}\r\nX-Name: ${text}\r\n`;
  const heads: string[] = [];
  const origin = await rawServer(async (connection) => {
    heads.push((await connection.readHead()).toString("latin1"));
    await connection.write(Buffer.from(`HTTP/1.1 200 OK\r\n${fields}\r\nok`, "latin1"));
    await connection.readToEnd();
  });
  const proxy = createReverseProxy({ target: origin.origin });
  onTestFinished(() => proxy.close());
  const { port } = await listen(createServer((req, res) => void proxy(req, res)));
  const client = await rawClient(port);
  await client.write(Buffer.from(`PUT / HTTP/1.1\r\nHost: a\r\n${fields}\r\nok`, "latin1"));
  heads.push((await client.readUntil("ok")).toString("latin1"));
  for (const head of heads)
    expect(head.match(/^(?:content-disposition|x-name): .*$/gim)).toEqual([
      `Content-Disposition: ${text}`,
      `X-Name: ${text}`,
    ]);
  client.end();
});
