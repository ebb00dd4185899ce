import type { ErrorRequestHandler, RequestHandler } from "express";

import { createUploadHandler } from "../upload-handler.ts";
import type { UploadHandlerOptions } from "../upload-resource.ts";
import { connectHandler } from "./mount.ts";
import { problemAnswer } from "./problem-answer.ts";

export { type VerifiedRequest, verifyRequest, type VerifyRequestOptions } from "../verify-request.ts";

/**
 * The upload resource as middleware of Express 5, mounted at the path that `app.use` names. Nothing is published before it
 * verified, regardless of the application. It answers everything below that path, refusals with problem documents
 * (RFC 9457). Mount it in front of body parsers: a request that one of them has read goes to the error handler (`USAGE`).
 *
 * ```js
 * import express from "express";
 * import { createMemoryStore } from "@trailsum/server";
 * import { uploadResource } from "@trailsum/server/express";
 *
 * const app = express();
 * app.use("/files", uploadResource({ store: createMemoryStore() }));
 * app.use(express.json());
 * const server = app.listen(0);
 * server.requestTimeout = 0;
 * ```
 */
export function uploadResource(options: UploadHandlerOptions): RequestHandler {
  return connectHandler(createUploadHandler(options));
}

/**
 * Answers the errors of `verifyRequest` with problem documents (RFC 9457), and hands every other error on. Register it after
 * the routes. Without it they are answered by the error handler of the application, or of Express, which finds `status` on
 * them.
 *
 * ```js
 * import { createWriteStream } from "node:fs";
 * import { rename } from "node:fs/promises";
 * import { pipeline } from "node:stream/promises";
 * import express from "express";
 * import { problemDocuments, verifyRequest } from "@trailsum/server/express";
 *
 * const app = express();
 * app.put("/report", async (req, res) => {
 *   const { body, verdict } = verifyRequest(req);
 *   // Rejects unless the content arrived whole and verified.
 *   await pipeline(body, createWriteStream("report.part"));
 *   await rename("report.part", "report");
 *   res.status(201).json({ size: (await verdict).computed.size });
 * });
 * app.use(problemDocuments());
 * app.listen(0).requestTimeout = 0;
 * ```
 */
export function problemDocuments(): ErrorRequestHandler {
  return (error, _req, res, next) => {
    const answer = problemAnswer(error);
    if (answer === undefined || res.headersSent) return next(error);
    res.status(answer.status).set(answer.headers).end(answer.body);
  };
}
