import type { Context, Middleware } from "koa";

import { createUploadHandler } from "../upload-handler.ts";
import type { UploadHandlerOptions } from "../upload-resource.ts";
import {
  type VerifiedRequest,
  verifyRequest as verifyNodeRequest,
  type VerifyRequestOptions,
} from "../verify-request.ts";
import { answerBelow } from "./mount.ts";
import { problemAnswer } from "./problem-answer.ts";

export type { VerifiedRequest, VerifyRequestOptions } from "../verify-request.ts";

/** Options of {@link uploadResource}. */
export interface UploadMiddlewareOptions extends UploadHandlerOptions {
  /**
   * The path below which uploads are received: `/files`. Other requests go to the next middleware.
   * @default every path
   */
  readonly prefix?: string | undefined;
}

/**
 * Verifies the content of a request as `verifyRequest` of `@trailsum/server` does. `await` the end of the body or the verdict
 * before anything is published; what either rejects with is answered by {@link problemDocuments}.
 *
 * ```js
 * import { buffer } from "node:stream/consumers";
 * import Koa from "koa";
 * import { problemDocuments, verifyRequest } from "@trailsum/server/koa";
 *
 * const reports = new Map();
 * const app = new Koa();
 * app.use(problemDocuments());
 * app.use(async (ctx) => {
 *   const { body } = verifyRequest(ctx);
 *   reports.set(ctx.path, await buffer(body));
 *   ctx.status = 201;
 * });
 * app.listen(0).requestTimeout = 0;
 * ```
 */
export function verifyRequest(ctx: Pick<Context, "req">, options?: VerifyRequestOptions): VerifiedRequest {
  return verifyNodeRequest(ctx.req, options);
}

/**
 * The upload resource as middleware of Koa 3. Nothing is published before it verified, regardless of the application. It
 * answers everything below `prefix` itself. Use it in front of body parsers: a request that one of them has read throws
 * `USAGE`.
 *
 * ```js
 * import Koa from "koa";
 * import { createMemoryStore } from "@trailsum/server";
 * import { uploadResource } from "@trailsum/server/koa";
 *
 * const app = new Koa();
 * app.use(uploadResource({ prefix: "/files", store: createMemoryStore() }));
 * app.listen(0).requestTimeout = 0;
 * ```
 */
export function uploadResource({ prefix = "", ...options }: UploadMiddlewareOptions): Middleware {
  const handler = createUploadHandler(options);
  const below = `${prefix.replace(/\/$/, "")}/`;
  return async (ctx, next) => {
    if (!ctx.url.startsWith(below)) return next();
    await answerBelow(below.slice(0, -1), handler, [ctx.req, ctx.res]);
    ctx.respond = false;
  };
}

/**
 * Answers the errors of {@link verifyRequest} with problem documents (RFC 9457), and throws every other error on. Without it
 * they are answered by Koa, which finds `status` and `expose` on them.
 */
export function problemDocuments(): Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      const answer = problemAnswer(error);
      if (answer === undefined || ctx.headerSent) throw error;
      ctx.status = answer.status;
      ctx.set(answer.headers);
      ctx.body = answer.body;
    }
  };
}
