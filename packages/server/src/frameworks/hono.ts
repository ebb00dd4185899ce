import type { Http2Bindings, HttpBindings } from "@hono/node-server";
import { inboundRequest, type InboundRequest, requestContent, sendInterim, WebExchange } from "@trailsum/http/inbound";
import { TrailsumError } from "@trailsum/shared";
import type { Context, Handler } from "hono";
import { HTTPException } from "hono/http-exception";
import { routePath } from "hono/route";
import type { ContentfulStatusCode } from "hono/utils/http-status";

import type { NodeRequest, NodeResponse } from "../node-message.ts";
import { createUploadResource, type UploadHandlerOptions } from "../upload-resource.ts";
import { readBefore, verifyRequest as verifyNodeRequest, type VerifyRequestOptions } from "../verify-request.ts";
import { mountPathOf } from "./mount.ts";
import { problemAnswer } from "./problem-answer.ts";
import { asWebRequest, type VerifiedWebRequest } from "./verified-web-request.ts";

export type { VerifyRequestOptions } from "../verify-request.ts";
export type { VerifiedWebRequest } from "./verified-web-request.ts";

/**
 * Verifies the content of a request to Hono on Node (`@hono/node-server`), trailers included. Errors that the client can act
 * on are `HTTPException`s with a problem document (RFC 9457) as their response and the `TrailsumError` as their cause: Hono
 * sends it, unless `app.onError` does otherwise.
 *
 * ```js
 * import { serve } from "@hono/node-server";
 * import { Hono } from "hono";
 * import { verifyRequest } from "@trailsum/server/hono";
 *
 * const reports = new Map();
 * const app = new Hono();
 * app.put("/reports/:name", async (c) => {
 *   const { body } = verifyRequest(c);
 *   reports.set(c.req.param("name"), await new Response(body).bytes());
 *   return c.body(null, 201);
 * });
 * serve({ fetch: app.fetch, port: 0, serverOptions: { requestTimeout: 0 } });
 * ```
 */
export function verifyRequest(c: Context, options?: VerifyRequestOptions): VerifiedWebRequest {
  const [req] = nodeMessages(c);
  return asWebRequest(verifyNodeRequest(req, options), httpException);
}

/**
 * The upload resource as a handler of Hono on Node, for a route that ends in `/*`. Nothing is published before it verified,
 * regardless of the application. It answers everything below that path, refusals with problem documents (RFC 9457), as a
 * `Response` that middleware can look at and add fields to. Downloads have no trailers; their digests are in the header.
 *
 * ```js
 * import { serve } from "@hono/node-server";
 * import { Hono } from "hono";
 * import { createMemoryStore } from "@trailsum/server";
 * import { uploadResource } from "@trailsum/server/hono";
 *
 * const app = new Hono();
 * app.all("/files/*", uploadResource({ store: createMemoryStore() }));
 * serve({ fetch: app.fetch, port: 0, serverOptions: { requestTimeout: 0 } });
 * ```
 */
export function uploadResource(options: UploadHandlerOptions): Handler {
  const answer = createUploadResource(options);
  return (c) => {
    const [req, res] = nodeMessages(c);
    const fault = readBefore(req);
    if (fault !== undefined) throw fault;
    const gone = new AbortController();
    res.once("close", () => {
      if (!res.writableFinished) gone.abort();
    });
    const request = mountedRequest(req, routePath(c));
    const exchange = new WebExchange({
      request,
      content: request.content === undefined ? undefined : requestContent(req),
      signal: gone.signal,
      interim: (status, header) => sendInterim(res, status, header),
    });
    void answer(exchange);
    // The answer of an aborted exchange must not look complete.
    return exchange.response.catch(() => {
      res.destroy();
      return c.body(null, 500);
    });
  };
}

/** The request without what the pattern of its route has in front of the `*`. */
function mountedRequest(req: NodeRequest, pattern: string): InboundRequest {
  const request = inboundRequest(req);
  try {
    const mountPath = mountPathOf(request.target.path, pattern);
    return { ...request, mountPath, target: { ...request.target, path: request.target.path.slice(mountPath.length) } };
  } catch (error) {
    throw httpException(error);
  }
}

function nodeMessages({ env }: Context): readonly [NodeRequest, NodeResponse] {
  const { incoming, outgoing } = (env ?? {}) as Partial<HttpBindings | Http2Bindings>;
  if (incoming !== undefined && outgoing !== undefined) return [incoming, outgoing];
  throw new TrailsumError("USAGE", "Hono does not run on @hono/node-server: use @trailsum/server/web");
}

function httpException(error: unknown): unknown {
  const answer = problemAnswer(error);
  if (answer === undefined) return error;
  return new HTTPException(answer.status as ContentfulStatusCode, {
    message: (error as TrailsumError).message,
    cause: error,
    res: new Response(answer.body, answer),
  });
}
