import { timeLimit } from "@trailsum/shared";

import { nodeExchange, type NodeRequest, type NodeResponse } from "../node-message.ts";
import { createS3Resource, type S3HandlerOptions } from "./s3-resource.ts";

/** A request listener that speaks S3, for node:http, for node:http2, and for every framework that exposes Node's own objects. */
export interface S3Handler {
  /** Answers a request. The promise settles when that is done, and never rejects. */
  (req: NodeRequest, res: NodeResponse): Promise<void>;
  /**
   * The same, to be registered for a server's `checkContinue` event: a write that is refused by its head is refused before
   * its content is sent. Without it Node sends `100 Continue` automatically.
   */
  readonly checkContinue: (req: NodeRequest, res: NodeResponse) => Promise<void>;
}

/**
 * Speaks S3 in front of a store, in path style: the directories at the top of the store are the buckets. Every upload is
 * verified by what its client sends with it: a checksum in the header or after the content (`aws-chunked`, signed or not),
 * `Content-MD5`, or `x-amz-content-sha256`. Nothing is stored that differs. Requests are signed by SigV4, in the header or
 * in the query; errors are answered as S3 does, in XML.
 *
 * Mount it at the root: a signature covers the whole path. In a server of your own set `requestTimeout: 0`, as for
 * {@link createUploadHandler}.
 */
export function createS3Handler(options: S3HandlerOptions): S3Handler {
  const idleTimeout = timeLimit("idleTimeout", options.idleTimeout, 60_000);
  const answer = createS3Resource(options);

  async function handle(req: NodeRequest, res: NodeResponse, waits: boolean): Promise<void> {
    const exchange = await nodeExchange(req, res, { waits });
    // A client that stops reading keeps a file open and buffers in memory.
    if (req.method === "GET" && Number.isFinite(idleTimeout)) res.setTimeout(idleTimeout, () => exchange.abort());
    await answer(exchange);
  }

  return Object.assign((req: NodeRequest, res: NodeResponse) => handle(req, res, false), {
    checkContinue: (req: NodeRequest, res: NodeResponse) => handle(req, res, true),
  });
}
