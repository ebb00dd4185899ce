// node examples/src/hono.ts
import { serve } from "@hono/node-server";
import type { Store } from "@trailsum/server";
import { uploadResource, verifyRequest } from "@trailsum/server/hono";
import { Hono } from "hono";

import { openData, type Reports } from "./reports.ts";

/** A service of reports. What it does with uploads are the lines between the comments. */
export function reportService(reports: Reports, store: Store): Hono {
  const app = new Hono();

  // Stored under /files/ only if verified.
  app.all("/files/*", uploadResource({ store }));

  // Verified while the service itself writes it. What is refused is an HTTPException with a problem document.
  app.put("/reports/:name", async (c) => {
    const { body } = verifyRequest(c);
    const size = await reports.save(c.req.param("name"), body);
    return c.json({ size }, 201);
  });
  // -

  app.get("/reports", async (c) => c.json(await reports.names()));
  app.post("/echo", async (c) => c.json(await c.req.json()));
  return app;
}

if (import.meta.main) {
  const app = reportService(...(await openData("data")));
  serve({ fetch: app.fetch, port: 8080, hostname: "127.0.0.1", serverOptions: { requestTimeout: 0 } });
}
