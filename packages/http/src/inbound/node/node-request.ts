import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";

import type { InboundRequest } from "../inbound-request.ts";
import { NodeContent } from "./node-content.ts";
import { nodeRequest } from "./node-exchange.ts";
import { NodeHttp2Content } from "./node-http2-content.ts";
import { nodeHttp2Request } from "./node-http2-request.ts";

/** A request of Node's servers in the terms of all requests, for one whose response is sent by other means. */
export function inboundRequest(req: IncomingMessage | Http2ServerRequest): InboundRequest {
  return "stream" in req
    ? nodeHttp2Request(req, { whole: req.stream.endAfterHeaders, waits: false, original: false })
    : nodeRequest(req, { original: false });
}

/** Its content. Nothing of the request changes before it flows. */
export function requestContent(req: IncomingMessage | Http2ServerRequest): NodeContent | NodeHttp2Content {
  return "stream" in req ? http2Content(req) : new NodeContent(req);
}

/** The application that sends the response sees in `req` what has been read. */
function http2Content(req: Http2ServerRequest): NodeHttp2Content {
  const content: NodeHttp2Content = new NodeHttp2Content(req, {
    readable: req,
    whole: false,
    // Not known here: a stream that is closed counts as reset.
    isResponseSent: () => false,
    onLeft: () => whenResponseEnds(req, () => content.discard()),
  });
  return content;
}

function whenResponseEnds({ stream }: Http2ServerRequest, done: () => void): void {
  // The response ends with its trailers, or with its header section if nothing follows.
  stream.once("wantTrailers", done);
  stream.once("finish", () => setImmediate(() => stream.state.localClose === 1 && done()));
}
