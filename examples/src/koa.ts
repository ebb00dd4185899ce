// node examples/src/koa.ts
import { createServer } from "node:http";
import { json } from "node:stream/consumers";

import type { Store } from "@trailsum/server";
import { problemDocuments, uploadResource, verifyRequest } from "@trailsum/server/koa";
import Koa from "koa";

import { openData, type Reports } from "./reports.ts";

/** A service of reports. What it does with uploads are the lines between the comments. */
export function reportService(reports: Reports, store: Store): Koa {
  const app = new Koa();

  // Stored under /files/ only if verified; and problem documents for what verifyRequest refuses.
  app.use(uploadResource({ prefix: "/files", store }));
  app.use(problemDocuments());

  // Verified while the service itself writes it.
  app.use(async (ctx, next) => {
    const [, name] = /^\/reports\/([^/]+)$/.exec(ctx.path) ?? [];
    if (ctx.method !== "PUT" || name === undefined) return next();
    const { body } = verifyRequest(ctx);
    const size = await reports.save(decodeURIComponent(name), body);
    ctx.status = 201;
    ctx.body = { size };
  });
  // -

  app.use(async (ctx) => {
    if (ctx.path === "/reports") ctx.body = await reports.names();
    if (ctx.path === "/echo") ctx.body = await json(ctx.req);
  });
  return app;
}

if (import.meta.main) {
  const app = reportService(...(await openData("data")));
  createServer({ requestTimeout: 0 }, app.callback()).listen(8080, "127.0.0.1");
}
