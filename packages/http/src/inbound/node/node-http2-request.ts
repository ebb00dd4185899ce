import type { Http2ServerRequest } from "node:http2";
import { TLSSocket } from "node:tls";

import { FieldLines } from "@trailsum/shared";

import { http2Request } from "../http2/http2-request.ts";
import { clientAddress, type InboundRequest } from "../inbound-request.ts";
import { routedTarget } from "./node-message.ts";

/** What Node's request object does not say. */
export interface NodeHttp2RequestOptions {
  /** Whether neither content nor trailers follow. */
  readonly whole: boolean;
  /** Whether the client waits for a 100, which Node has not sent. */
  readonly waits: boolean;
  /** Whether the target is that of the client, unchanged by a router. */
  readonly original: boolean;
}

/** A request of node:http2. Node has checked the form of the message (RFC 9113 section 8.3). */
export function nodeHttp2Request(
  req: Http2ServerRequest,
  { whole, waits, original }: NodeHttp2RequestOptions,
): InboundRequest {
  const { rawHeaders: raw, socket, stream } = req;
  const { url, mountPath } = routedTarget(req, original);
  const pseudo = new Map<string, string>();
  const lines: string[] = [];
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!;
    if (name.startsWith(":")) pseudo.set(name, raw[at + 1]!);
    else lines.push(name, raw[at + 1]!);
  }
  const head = {
    method: pseudo.get(":method") ?? "GET",
    path: url,
    authority: pseudo.get(":authority"),
    protocol: pseudo.get(":protocol"),
    fields: FieldLines.owning(lines),
  };
  const client = {
    remoteAddress: clientAddress(socket.remoteAddress),
    protocol: stream.session?.socket instanceof TLSSocket ? ("https" as const) : ("http" as const),
  };
  return { ...http2Request(head, { whole, client }), mountPath, expectsContinue: waits, message: req };
}
