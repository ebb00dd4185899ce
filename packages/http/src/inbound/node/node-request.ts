import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import { TLSSocket } from "node:tls";

import { clientAddress, type InboundRequest } from "../inbound-request.ts";
import { NodeContent } from "./node-content.ts";
import { nodeRequest } from "./node-exchange.ts";
import { NodeHttp2Content } from "./node-http2-content.ts";
import { nodeHttp2Request } from "./node-http2-request.ts";
import { routedTarget } from "./node-message.ts";

/** A request of Node's servers in the terms of all requests, for one whose response is sent by other means. */
export function inboundRequest(req: IncomingMessage | Http2ServerRequest): InboundRequest {
  if (!("stream" in req)) return nodeRequest(req, { original: false });
  const { stream } = req;
  return nodeHttp2Request(req.rawHeaders, {
    whole: stream.endAfterHeaders,
    client: {
      remoteAddress: clientAddress(req.socket.remoteAddress),
      protocol: stream.session?.socket instanceof TLSSocket ? "https" : "http",
    },
    mounted: { ...routedTarget(req, false), waits: false, message: req },
  });
}

/** Its content. Nothing of the request changes before it flows. */
export function requestContent(req: IncomingMessage | Http2ServerRequest): NodeContent | NodeHttp2Content {
  return "stream" in req ? new NodeHttp2Content(req) : new NodeContent(req);
}
