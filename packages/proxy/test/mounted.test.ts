import { createServer } from "node:http";

import { listen } from "@trailsum/testkit";
import express from "express";
import { fastify } from "fastify";
import { request } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";

import { createReverseProxy, type ReverseProxy } from "../src/index.ts";
import { ask, httpServer, type SeenRequest, seen, trailerAgent } from "./peers.ts";

/** An origin that answers with what it saw, and a trailer, and a proxy in front of it. */
async function proxied(): Promise<ReverseProxy> {
  const origin = await httpServer(async (incoming, response) => {
    const json = JSON.stringify(await seen(incoming));
    response.writeHead(200, ["Content-Type", "application/json", "Set-Cookie", "origin=1", "Vary", "Accept"]);
    response.write(json);
    response.addTrailers([["X-Trailer", "here"]]);
    response.end();
  });
  const proxy = createReverseProxy({ target: origin.origin });
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
