import { requestTimeout } from "@trailsum/http/inbound";
import { timeLimit } from "@trailsum/shared";

import { nodeExchange, type NodeRequest, type NodeResponse } from "./node-message.ts";
import { createUploadResource, type UploadHandlerOptions } from "./upload-resource.ts";

/** A request listener for node:http, for node:http2, and for every framework that exposes Node's own request and response. */
export interface UploadHandler {
  /** Answers a request. The promise settles when that is done, and never rejects. */
  (req: NodeRequest, res: NodeResponse): Promise<void>;
  /**
   * The same, to be registered for a server's `checkContinue` event: uploads that are refused by their head are refused
   * before `100 Continue` is sent, and so before their content is. Without it Node sends the 100 automatically.
   */
  readonly checkContinue: (req: NodeRequest, res: NodeResponse) => Promise<void>;
}

/**
 * Receives uploads into a store and gives them back. `PUT` and `POST` store under the request's path what verified;
 * `GET` and `HEAD` answer with it and its digests. All of them honour preconditions (RFC 9110 section 13) on the strong
 * entity tag, which is made from the sha-256 of the stored bytes, and on the date of the last modification.
 * Whatever is refused is answered with a problem document (RFC 9457).
 *
 * In a server of your own set `requestTimeout: 0`: `node:http` otherwise ends every request after 300 s, however fast its
 * content comes. `idleTimeout` bounds what a silent client costs. The handler warns its logger of such a server.
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { createDirectoryStore, createUploadHandler } from "@trailsum/server";
 *
 * const handler = createUploadHandler({ store: await createDirectoryStore({ directory: "files" }) });
 * createServer({ requestTimeout: 0 }, handler).on("checkContinue", handler.checkContinue).listen(8080);
 * ```
 */
export function createUploadHandler(options: UploadHandlerOptions): UploadHandler {
  const { logger } = options;
  const idleTimeout = timeLimit("idleTimeout", options.idleTimeout, 60_000);
  const answer = createUploadResource(options);
  let warned = false;

  /** Says once that the server will cut uploads short that take long. */
  function warnOfRequestTimeout(req: NodeRequest): void {
    const limit = requestTimeout(req);
    if (limit === 0 || warned || (req.method !== "PUT" && req.method !== "POST")) return;
    warned = true;
    logger?.warn(
      `uploads that take longer than ${limit / 1_000} s are aborted by node:http: set server.requestTimeout to 0`,
    );
  }

  async function handle(req: NodeRequest, res: NodeResponse, waits: boolean): Promise<void> {
    const exchange = await nodeExchange(req, res, { waits });
    try {
      warnOfRequestTimeout(req);
    } catch {
      // A logger that throws costs the response, and nothing more.
      return exchange.abort();
    }
    // A client that stops reading keeps a file open and buffers in memory.
    if (req.method === "GET" && Number.isFinite(idleTimeout)) res.setTimeout(idleTimeout, () => exchange.abort());
    await answer(exchange);
  }

  return Object.assign((req: NodeRequest, res: NodeResponse) => handle(req, res, false), {
    checkContinue: (req: NodeRequest, res: NodeResponse) => handle(req, res, true),
  });
}
