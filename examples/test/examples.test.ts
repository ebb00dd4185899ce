import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { join } from "node:path";

import { createAdaptorServer, type ServerType } from "@hono/node-server";
import { NestFactory } from "@nestjs/core";
import { FastifyAdapter, type NestFastifyApplication } from "@nestjs/platform-fastify";
import type { Store } from "@trailsum/server";
import { listen, tempDir } from "@trailsum/testkit";
import { fastify } from "fastify";
import type Koa from "koa";
import { describe, expect, onTestFinished, test } from "vitest";

import { reportService as express } from "../src/express.ts";
import { reportService as fastifyReports } from "../src/fastify.ts";
import { reportService as hono } from "../src/hono.ts";
import { reportService as koa } from "../src/koa.ts";
import { ReportModule } from "../src/nest.ts";
import { openData, type Reports } from "../src/reports.ts";
import { reportService as web } from "../src/web.ts";
import { contentDigest, type Protocol, type Received, send, type Sent } from "./send.ts";

/** Makes the server of an example. */
type CreateServer = (reports: Reports, store: Store) => ServerType | Promise<ServerType>;

const examples: readonly (readonly [name: string, Protocol, CreateServer])[] = [
  ["Express", "HTTP/1.1", (...service) => createServer(express(...service))],
  ["Koa", "HTTP/1.1", (...service) => createServer(koaListener(service))],
  ["Koa", "HTTP/2", (...service) => createHttp2Server(koaListener(service) as never)],
  ["Fastify", "HTTP/1.1", (...service) => fastifyServer(service, { http2: false })],
  ["Fastify", "HTTP/2", (...service) => fastifyServer(service, { http2: true })],
  ["Hono", "HTTP/1.1", (...service) => createAdaptorServer(hono(...service))],
  [
    "Hono",
    "HTTP/2",
    (...service) => createAdaptorServer({ fetch: hono(...service).fetch, createServer: createHttp2Server }),
  ],
  ["NestJS on Express", "HTTP/1.1", (...service) => nestServer(service)],
  ["NestJS on Fastify", "HTTP/1.1", (...service) => nestServer(service, new FastifyAdapter())],
  ["NestJS on Fastify", "HTTP/2", (...service) => nestServer(service, new FastifyAdapter({ http2: true }))],
  ["web-standard", "HTTP/1.1", (...service) => createAdaptorServer({ fetch: web(...service) })],
];

/** Without its log of connections that were cut. */
function koaListener(service: [Reports, Store]): ReturnType<Koa["callback"]> {
  return Object.assign(koa(...service), { silent: true }).callback();
}

async function fastifyServer(service: [Reports, Store], { http2 }: { http2: boolean }): Promise<Server> {
  const app = fastify(http2 ? ({ http2: true } as object) : {});
  await app.register(fastifyReports(...service));
  await app.ready();
  onTestFinished(() => app.close());
  return app.server;
}

async function nestServer(service: [Reports, Store], adapter?: FastifyAdapter): Promise<Server> {
  const module = ReportModule.forRoot(...service);
  const app =
    adapter === undefined
      ? await NestFactory.create(module, { logger: false })
      : await NestFactory.create<NestFastifyApplication>(module, adapter, { logger: false });
  await app.init();
  if (adapter !== undefined) await adapter.getInstance().ready();
  onTestFinished(() => app.close());
  return app.getHttpServer() as Server;
}

const POLL = { interval: 5 };

const content = "temperature;21.5\n";

describe.each(examples)("%s over %s", (name, protocol, create) => {
  /** The example, and what is to be seen in its directory. */
  async function started() {
    const directory = await tempDir();
    const { origin } = await listen(await create(...(await openData(directory))));
    const files = async (): Promise<string[]> => {
      const entries = await readdir(directory, { recursive: true, withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map(({ name: file }) => file);
    };
    return { files, send: (sent: Sent) => send(protocol, origin, sent) };
  }

  /** An upload with a digest, where the example can read one. */
  const upload = (path: string, digest?: string): Sent => {
    const fields = digest === undefined ? {} : { "content-digest": digest };
    const where = name === "web-standard" ? { headers: fields } : { trailers: fields };
    return { method: "PUT", path, body: content, ...(digest !== undefined && where) };
  };
  const names = async (service: { send: (sent: Sent) => Promise<Received | undefined> }): Promise<unknown> =>
    JSON.parse((await service.send({ method: "GET", path: "/reports" }))!.body);

  test("serves what it did before", async () => {
    const service = await started();
    const headers = { "content-type": "application/json" };
    const answer = await service.send({ method: "POST", path: "/echo", headers, body: '{"a":1}' });
    expect(JSON.parse(answer!.body)).toEqual({ a: 1 });
    expect(await names(service)).toEqual([]);
  });

  test("stores an upload that verifies", async () => {
    const service = await started();
    expect((await service.send(upload("/files/a", contentDigest(content))))!.status).toBe(201);
    expect((await service.send({ method: "GET", path: "/files/a" }))!.body).toBe(content);
  });

  test("takes a report that verifies", async () => {
    const service = await started();
    const answer = await service.send(upload("/reports/a%20b", contentDigest(content)));
    expect([answer!.status, JSON.parse(answer!.body)]).toEqual([201, { size: content.length }]);
    expect(await names(service)).toEqual(["a b"]);
  });

  test.each([
    ["corrupted", "mismatched", contentDigest("temperature;91.5\n")],
    ["undigested", "unverified", undefined],
  ])("refuses %s content in both forms", async (_what, verdict, digest) => {
    const service = await started();
    for (const path of ["/files/a", "/reports/a"]) {
      const answer = await service.send(upload(path, digest));
      expect(answer!.status).toBe(400);
      expect(answer!.headers["content-type"]).toMatch(/^application\/problem\+json/);
      expect(JSON.parse(answer!.body)).toMatchObject({ status: 400, verdict });
    }
    expect((await service.send({ method: "GET", path: "/files/a" }))!.status).toBe(404);
    expect(await names(service)).toEqual([]);
    expect(await service.files()).toEqual([]);
  });

  test("stores an upload in two steps, below the path of the resource", async () => {
    const service = await started();
    const draft = { "upload-draft-interop-version": "8" };
    const first = { ...upload("/files/a"), headers: { ...draft, "upload-complete": "?0" } };
    const {
      status,
      headers: { location = "" },
    } = (await service.send(first))!;
    expect([status, location]).toEqual([201, expect.stringMatching(/^\/files\/\.trailsum\/uploads\/[0-9a-f]{32}$/)]);
    const headers = {
      ...draft,
      "upload-complete": "?1",
      "upload-offset": String(content.length),
      "content-type": "application/partial-upload",
      "repr-digest": contentDigest(content),
    };
    expect((await service.send({ method: "PATCH", path: location, headers, body: "" }))!.status).toBe(201);
    expect((await service.send({ method: "GET", path: "/files/a" }))!.body).toBe(content);
  });

  test.each(["/files/a", "/reports/a"])("keeps nothing of an upload to %s that is cut", async (path) => {
    const service = await started();
    const received = () => expect.poll(async () => (await service.files()).length, POLL).toBe(1);
    await service.send({ ...upload(path, contentDigest(content)), cut: received });
    await expect.poll(service.files, POLL).toEqual([]);
  });
});

test("every example is in the table", async () => {
  const sources = await readdir(join(import.meta.dirname, "../src"));
  const tested = examples.map(([name]) => name.split(/[ -]/)[0]!.toLowerCase().replace("nestjs", "nest"));
  expect(sources.filter((file) => file !== "reports.ts").toSorted()).toEqual(
    [...new Set(tested)].map((name) => `${name}.ts`).toSorted(),
  );
  expect(sources.every((file) => existsSync(join(import.meta.dirname, "../src", file)))).toBe(true);
});
