import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";

import { FieldLines, TrailsumError } from "@trailsum/shared";

import { parseRequestTarget, type RequestTarget } from "./request-target.ts";

/** A request as it came in. It does not change. */
export interface InboundRequest {
  readonly method: string;
  readonly target: RequestTarget;
  /** Its header section, as it stood on the wire. */
  readonly header: FieldLines;
  /** The host that was asked for: of an absolute-form target, or of `Host`. */
  readonly host: string | undefined;
  readonly httpVersion: string;
  /** The address of the peer. */
  readonly remoteAddress: string | undefined;
  readonly protocol: "http" | "https";
  /** Node's own object. */
  readonly message: IncomingMessage;
}

/** What a proxy knows of a request when its head has arrived. */
export function inboundRequest(message: IncomingMessage): InboundRequest {
  const header = FieldLines.fromRaw(message.rawHeaders);
  const target = parseRequestTarget(message.url ?? "/");
  return {
    method: message.method ?? "GET",
    target,
    header,
    host: target.authority ?? header.get("Host"),
    httpVersion: message.httpVersion,
    // An IPv4 client of a socket that serves both is the IPv4 client.
    remoteAddress: message.socket.remoteAddress?.replace(/^::ffff:(?=\d+\.)/, ""),
    protocol: message.socket instanceof TLSSocket ? "https" : "http",
    message,
  };
}

/**
 * Refuses a request that names no host or more than one (RFC 9112 section 3.2): whoever routes by it next might read
 * another one out of it. HTTP/1.0 need name none.
 */
export function requireHost({ header, host }: InboundRequest): void {
  if (header.getAll("Host").length > 1 || (host !== undefined && !AUTHORITY.test(host))) {
    throw new TrailsumError("PROTOCOL", "the request names no host, or more than one", { status: 400 });
  }
}

/** RFC 3986 section 3.2 without user information: a name, an IPv4 address or a bracketed IPv6 one, and perhaps a port. */
const AUTHORITY = /^(?:\[[\da-f:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})*)(?::\d*)?$/i;

/** Whether content follows the head: it has a length, or a transfer coding (RFC 9112 section 6). */
export function hasContent({ header }: InboundRequest): boolean {
  if (header.has("Transfer-Encoding")) return true;
  const length = header.get("Content-Length");
  return length !== undefined && !/^0+$/.test(length);
}
