import { headFault, WebContent, webExchange, webRequest } from "@trailsum/http/inbound";
import { errorProblem, TrailsumError } from "@trailsum/shared";

import { requestHead } from "../request/request-head.ts";
import { createUploadResource, type UploadHandlerOptions } from "../upload-resource.ts";
import { verifyContent, type VerifyRequestOptions } from "../verify-request.ts";
import { problemAnswer } from "./problem-answer.ts";
import { asWebRequest, type VerifiedWebRequest } from "./verified-web-request.ts";

export type { VerifyRequestOptions } from "../verify-request.ts";
export type { VerifiedWebRequest } from "./verified-web-request.ts";

/** Options of {@link uploadResource}. */
export interface WebUploadOptions extends UploadHandlerOptions {
  /**
   * The path below which uploads are received: `/files`. Requests for other paths are answered 404.
   * @default every path
   */
  readonly prefix?: string | undefined;
}

/**
 * Verifies the content of a `Request` of the Fetch standard, which has no trailers: by the integrity fields of its header
 * (`Content-Digest`, `Repr-Digest` and the others). Errors of the body and of the verdict are `TrailsumError`s;
 * {@link problemResponse} answers them.
 *
 * ```js
 * import { problemResponse, verifyRequest } from "@trailsum/server/web";
 *
 * const reports = new Map();
 * export async function PUT(request) {
 *   try {
 *     const { body } = verifyRequest(request);
 *     reports.set(new URL(request.url).pathname, await new Response(body).bytes());
 *     return new Response(null, { status: 201 });
 *   } catch (error) {
 *     return problemResponse(error);
 *   }
 * }
 * ```
 */
export function verifyRequest(request: Request, options: VerifyRequestOptions = {}): VerifiedWebRequest {
  const inbound = webRequest(request, "");
  const fault =
    headFault(inbound) ??
    (request.bodyUsed ? new TrailsumError("USAGE", "the request was read before: verify it first") : undefined);
  const content = new WebContent(request);
  return asWebRequest(verifyContent({ head: requestHead(inbound), content, fault }, options));
}

/**
 * The upload resource as a function from a `Request` to a `Response` of the Fetch standard, for servers that pass nothing
 * else. Uploads bring their digest in the header, or in a second request (`Upload-Complete: ?1`); one that announces it as a
 * trailer is refused, and named the upload resource that keeps its content. Nothing is published before it verified. The
 * promise rejects if the client went away.
 *
 * ```js
 * import { createMemoryStore } from "@trailsum/server";
 * import { uploadResource } from "@trailsum/server/web";
 *
 * const files = uploadResource({ prefix: "/files", store: createMemoryStore() });
 * const response = await files(new Request("http://localhost/files/a"));
 * console.log(response.status);
 * // 404
 * ```
 */
export function uploadResource({ prefix = "", ...options }: WebUploadOptions): (request: Request) => Promise<Response> {
  const answer = createUploadResource(options);
  const mountPath = prefix.replace(/\/$/, "");
  return async (request) => {
    const { pathname } = new URL(request.url);
    if (!pathname.startsWith(`${mountPath}/`))
      return problemResponse(new TrailsumError("NOT_FOUND", "nothing is here"));
    const exchange = webExchange(request, { mountPath });
    void answer(exchange);
    return exchange.response;
  };
}

/** The problem document (RFC 9457) for an error; a bare 500 for an error that the client did not cause. */
export function problemResponse(error: unknown): Response {
  const answer = problemAnswer(error);
  if (answer !== undefined) return new Response(answer.body, answer);
  const problem = errorProblem(new TrailsumError("INTERNAL", "unexpected error", { cause: error }));
  return Response.json(problem, { status: problem.status, headers: { "Content-Type": "application/problem+json" } });
}
