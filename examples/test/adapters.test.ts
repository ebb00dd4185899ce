import { createServer } from "node:http";
import { text } from "node:stream/consumers";

import { createAdaptorServer } from "@hono/node-server";
import { Controller, Module, Post } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { createMemoryStore } from "@trailsum/server";
import * as express from "@trailsum/server/express";
import * as fastifyEntry from "@trailsum/server/fastify";
import * as hono from "@trailsum/server/hono";
import * as koa from "@trailsum/server/koa";
import { VerificationModule, Verified, type VerifiedRequest } from "@trailsum/server/nest";
import * as web from "@trailsum/server/web";
import { listen } from "@trailsum/testkit";
import createExpress, { type ErrorRequestHandler } from "express";
import { fastify } from "fastify";
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import Koa from "koa";
import { describe, expect, onTestFinished, test } from "vitest";

import { contentDigest } from "./send.ts";

const json = '{"a":1}';
const right = { "Content-Type": "application/json", "Content-Digest": contentDigest(json) };
const wrong = { ...right, "Content-Digest": contentDigest("other") };

/** Uploads JSON to a server. */
function put(origin: string, path: string, headers: Record<string, string> = right): Promise<Response> {
  return fetch(`${origin}${path}`, { method: "POST", headers, body: json });
}

const seen = (error: unknown): object => ({ code: (error as { code?: string }).code });

describe("a body parser that ran before is an error for the application, and a 500 for the client", () => {
  const usage = { code: "USAGE" };

  test.each(["/files/a", "/verify"])("in Express, %s", async (path) => {
    const errors: object[] = [];
    const app = createExpress();
    app.use(createExpress.json());
    app.use("/files", express.uploadResource({ store: createMemoryStore() }));
    app.post("/verify", async (req, res) => {
      res.send(await text(express.verifyRequest(req).body));
    });
    app.use(express.problemDocuments());
    app.use(((error, _req, res, _next) => {
      errors.push(seen(error));
      res.sendStatus(500);
    }) satisfies ErrorRequestHandler);
    const { origin } = await listen(createServer(app));
    expect([(await put(origin, path)).status, errors]).toEqual([500, [usage]]);
  });

  test.each(["/files/a", "/verify"])("in Koa, %s", async (path) => {
    const errors: object[] = [];
    const app = new Koa();
    app.on("error", (error) => errors.push(seen(error)));
    app.use(async (ctx, next) => {
      await text(ctx.req);
      return next();
    });
    app.use(koa.problemDocuments());
    app.use(koa.uploadResource({ prefix: "/files", store: createMemoryStore() }));
    app.use(async (ctx) => {
      ctx.body = await text(koa.verifyRequest(ctx).body);
    });
    const { origin } = await listen(createServer(app.callback()));
    expect([(await put(origin, path)).status, errors]).toEqual([500, [usage]]);
  });

  test.each(["/files/a", "/verify"])("in Hono, %s", async (path) => {
    const errors: object[] = [];
    const app = new Hono();
    app.onError((error, c) => {
      errors.push(seen(error));
      return c.body(null, 500);
    });
    app.use(async (c, next) => {
      await c.req.text();
      return next();
    });
    app.all("/files/*", hono.uploadResource({ store: createMemoryStore() }));
    app.post("/verify", async (c) => c.text(await new Response(hono.verifyRequest(c).body).text()));
    const { origin } = await listen(createAdaptorServer(app));
    expect([(await put(origin, path)).status, errors]).toEqual([500, [usage]]);
  });

  test("in NestJS, whose parsers the upload resource is in front of", async () => {
    @Controller()
    class VerifyController {
      @Post("verify")
      verify(@Verified() { body }: VerifiedRequest): Promise<string> {
        return text(body);
      }
    }
    @Module({
      controllers: [VerifyController],
      imports: [VerificationModule.forRoot({ path: "/files", store: createMemoryStore() })],
    })
    class AppModule {}
    const app = await NestFactory.create(AppModule, { logger: false });
    await app.init();
    onTestFinished(() => app.close());
    const { origin } = await listen(app.getHttpServer());
    expect([(await put(origin, "/verify")).status, (await put(origin, "/files/a")).status]).toEqual([500, 201]);
  });

  test("in a function of the Fetch standard", async () => {
    const request = new Request("http://localhost/a", { method: "POST", headers: right, body: json });
    await request.text();
    const failure = await new Response(web.verifyRequest(request).body).text().catch((error: unknown) => error);
    expect([seen(failure), web.problemResponse(failure).status]).toEqual([usage, 500]);
    const resource = web.uploadResource({ store: createMemoryStore() });
    expect((await resource(request)).status).toBe(500);
  });
});

describe("without our problem documents the framework answers with the status of the error", () => {
  const mismatched = { code: "DIGEST_MISMATCHED" };

  test("in Express", async () => {
    const app = createExpress();
    app.set("env", "test");
    app.post("/", async (req, res) => {
      res.send(await text(express.verifyRequest(req).body));
    });
    const { origin } = await listen(createServer(app));
    expect((await put(origin, "/", wrong)).status).toBe(400);
    expect(await (await put(origin, "/")).text()).toBe(json);
  });

  test("in Koa, which may show the message", async () => {
    const app = new Koa();
    app.use(async (ctx) => {
      ctx.body = await text(koa.verifyRequest(ctx).body);
    });
    const { origin } = await listen(createServer(app.callback()));
    const answer = await put(origin, "/", wrong);
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringMatching(/^the content is not what/)]);
  });

  test("in Fastify, where a scope within has a handler of its own", async () => {
    const errors: object[] = [];
    const app = fastify();
    await app.register(fastifyEntry.verification);
    await app.register(async (scope) => {
      scope.setErrorHandler((error) => {
        errors.push(seen(error));
        throw error;
      });
      scope.post("/own", async (request) => text(request.verify().body));
    });
    app.post("/", async (request) => text(request.verify().body));
    await app.ready();
    onTestFinished(() => app.close());
    const { origin } = await listen(app.server);
    expect((await put(origin, "/own", wrong)).status).toBe(400);
    expect(errors).toEqual([mismatched]);
    expect(await (await put(origin, "/own")).text()).toBe(json);
  });

  test("in Hono, whose handler gets an HTTPException", async () => {
    const app = new Hono();
    app.onError((error, c) =>
      c.json({ exception: error instanceof HTTPException, ...seen(error.cause) }, (error as HTTPException).status),
    );
    app.post("/", async (c) => c.text(await new Response(hono.verifyRequest(c).body).text()));
    const { origin } = await listen(createAdaptorServer(app));
    const answer = await put(origin, "/", wrong);
    expect([answer.status, await answer.json()]).toEqual([400, { exception: true, ...mismatched }]);
  });
});

test("a Hono application that does not run on Node gets an error that names the right entry", async () => {
  const app = new Hono();
  app.onError((error, c) => c.text(error.message, 500));
  app.all("/*", hono.uploadResource({ store: createMemoryStore() }));
  expect(await (await app.request("/a")).text()).toContain("@trailsum/server/web");
});

describe("fields that hooks set are sent with the answer of the upload resource", () => {
  test("in Fastify", async () => {
    const app = fastify();
    app.addHook("onRequest", async (_request, reply) => {
      reply.header("X-Service", "reports");
    });
    await app.register(fastifyEntry.uploadResource, { prefix: "/users/:user/files", store: createMemoryStore() });
    await app.ready();
    onTestFinished(() => app.close());
    const { origin } = await listen(app.server);
    const answer = await put(origin, "/users/ann/files/a");
    expect([answer.status, answer.headers.get("X-Service")]).toEqual([201, "reports"]);
    // A path below another parameter is the same object: the store does not see what is in front of it.
    expect(await (await fetch(`${origin}/users/b%20b/files/a?v=1`)).text()).toBe(json);
  });

  test("in Hono, in an application that is mounted in another", async () => {
    const files = new Hono().all("/*", hono.uploadResource({ store: createMemoryStore() }));
    const app = new Hono();
    app.use(async (c, next) => {
      c.res.headers.set("X-Service", "reports");
      await next();
      c.header("X-Status", String(c.res.status));
    });
    app.route("/api/files", files);
    const { origin } = await listen(createAdaptorServer(app));
    const answer = await put(origin, "/api/files/a");
    const fields = ["X-Service", "X-Status"].map((name) => answer.headers.get(name));
    expect([answer.status, ...fields]).toEqual([201, "reports", "201"]);
    expect(await (await fetch(`${origin}/api/files/a`)).text()).toBe(json);
  });
});

test("content is not bounded by the limits of body parsers", async () => {
  const large = "x".repeat(3_000_000);
  const app = fastify();
  await app.register(fastifyEntry.uploadResource, { prefix: "/files", store: createMemoryStore() });
  await app.ready();
  onTestFinished(() => app.close());
  const { origin } = await listen(app.server);
  const headers = { "Content-Digest": contentDigest(large) };
  expect((await fetch(`${origin}/files/a`, { method: "PUT", headers, body: large })).status).toBe(201);
  expect((await (await fetch(`${origin}/files/a`)).text()).length).toBe(large.length);
});

describe("the upload resource of the Fetch standard", () => {
  const resource = web.uploadResource({ prefix: "/files/", store: createMemoryStore() });
  const at = (path: string, init?: RequestInit): Promise<Response> =>
    resource(new Request(`http://localhost${path}`, init));

  test("answers 404 for other paths, HEAD without content, and nothing with trailers", async () => {
    expect((await at("/other/a")).status).toBe(404);
    expect((await at("/files/a", { method: "PUT", headers: right, body: json })).status).toBe(201);
    const whole = await at("/files/a", { headers: { TE: "trailers" } });
    expect([whole.headers.get("Trailer"), whole.headers.has("Repr-Digest"), await whole.text()]).toEqual([
      null,
      true,
      json,
    ]);
    const head = await at("/files/a", { method: "HEAD" });
    expect([head.status, head.headers.get("Content-Length"), await head.text()]).toEqual([200, "7", ""]);
  });

  test("refuses a digest that was announced as a trailer, and says where it may follow", async () => {
    const answer = await at("/files/b", { method: "PUT", headers: { Trailer: "Content-Digest" }, body: json });
    expect([answer.status, answer.headers.get("Location")]).toEqual([
      400,
      expect.stringContaining("/files/.trailsum/uploads/"),
    ]);
  });

  test("takes no more content than the store writes", async () => {
    let pulled = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(65_536));
      },
    });
    const { body: verified } = web.verifyRequest(
      new Request("http://localhost/", { method: "PUT", body, duplex: "half" }),
    );
    const reader = verified.getReader();
    await reader.read();
    await new Promise((resolve) => setImmediate(resolve));
    expect(pulled).toBeLessThan(16);
    await reader.cancel();
  });

  test("keeps nothing of content that fails, and rejects once the client has gone", async () => {
    const failing = new ReadableStream({
      start: (controller) => controller.error(new Error("cut")),
    });
    const gone = new AbortController();
    const request = { method: "PUT", headers: right, body: failing, duplex: "half", signal: gone.signal };
    const answered = at("/files/c", request as RequestInit);
    gone.abort();
    await expect(answered).rejects.toMatchObject({ code: "ABORTED" });
    expect((await at("/files/c")).status).toBe(404);
  });
});
