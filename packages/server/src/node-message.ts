import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";

import { type InboundExchange, NodeExchange, NodeHttp2Exchange } from "@trailsum/http/inbound";
import { responseTurn } from "./pipelining.ts";

/** A request of `node:http`, or of the compatibility API of `node:http2`. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;

/** The response that belongs to a {@link NodeRequest}. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** How a request reached the handler. */
export interface NodeExchangeOptions {
  /** Whether the client waits for a 100, which Node has not sent. */
  readonly waits: boolean;
}

/** The exchange of a request and a response of Node's, once it is the response's turn on its connection. */
export async function nodeExchange(
  req: NodeRequest,
  res: NodeResponse,
  { waits }: NodeExchangeOptions,
): Promise<InboundExchange> {
  // What goes wrong with the connection shows where it is read or written; it must not bring the process down.
  req.on("error", () => {});
  res.on("error", () => {});
  if ("stream" in req) {
    const whole = req.stream.endAfterHeaders;
    return new NodeHttp2Exchange(req, res as Http2ServerResponse, { waits, original: false, whole });
  }
  const turn = responseTurn(res);
  if (turn !== undefined) await turn;
  return new NodeExchange(req, res as ServerResponse, { waits, original: false });
}
