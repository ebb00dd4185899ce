// node examples/src/express.ts
import { createServer } from "node:http";

import type { Store } from "@trailsum/server";
import { problemDocuments, uploadResource, verifyRequest } from "@trailsum/server/express";
import express, { type Express } from "express";

import { openData, type Reports } from "./reports.ts";

/** A service of reports. What it does with uploads are the lines between the comments. */
export function reportService(reports: Reports, store: Store): Express {
  const app = express();

  // Stored under /files/ only if verified. In front of the body parser.
  app.use("/files", uploadResource({ store }));

  // Verified while the service itself writes it.
  app.put("/reports/:name", async (req, res) => {
    const { body } = verifyRequest(req);
    const size = await reports.save(req.params.name, body);
    res.status(201).json({ size });
  });
  // -

  app.use(express.json());
  app.get("/reports", async (_req, res) => {
    res.json(await reports.names());
  });
  app.post("/echo", (req, res) => {
    res.json(req.body);
  });

  // Problem documents for what verifyRequest refuses.
  app.use(problemDocuments());
  // -
  return app;
}

if (import.meta.main) {
  createServer({ requestTimeout: 0 }, reportService(...(await openData("data")))).listen(8080, "127.0.0.1");
}
