import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";

import type { FieldLines } from "@trailsum/shared";

import { upgradeProtocol } from "../fields/upgrade.ts";
import { parseRequestTarget, type RequestTarget } from "./request-target.ts";

/** A request as it came in. It does not change. */
export interface InboundRequest {
  /** The request method, in the spelling of the client. */
  readonly method: string;
  /** The request target (RFC 9112 section 3.2), in its parts. */
  readonly target: RequestTarget;
  /** The path that a router cut off the front of the target, without a slash at its end. Default: none. */
  readonly mountPath?: string | undefined;
  /** Its header section as received; for HTTP/2 without pseudo-header fields. */
  readonly header: FieldLines;
  /** The host that was asked for: of an absolute-form target, of `:authority`, or of `Host`. */
  readonly host: string | undefined;
  /** The version of HTTP that the client spoke on this connection. */
  readonly httpVersion: "1.0" | "1.1" | "2.0";
  /** The address of the peer. */
  readonly remoteAddress: string | undefined;
  /** Whether the client connected over TLS. */
  readonly protocol: "http" | "https";
  /** The framing of the content; undefined without content. */
  readonly content: ContentOutline | undefined;
  /** The protocol that it asks to switch to: `websocket`, in its own spelling. Others are ignored, or refused in HTTP/2. */
  readonly upgrade: string | undefined;
  /**
   * Whether the server can send trailers with the response.
   * @default true
   */
  readonly responseTrailers?: boolean | undefined;
  /** Whether its content waits for a 100 (RFC 9110 section 10.1.1). */
  readonly expectsContinue: boolean;
  /** Node's own object, where the request came through a server of Node's (node:http or node:http2). */
  readonly message: IncomingMessage | Http2ServerRequest | undefined;
}

/** What is known of content before it comes. */
export interface ContentOutline {
  /** The number of bytes, where it is known. */
  readonly length: number | undefined;
  /** Whether trailers may follow it. */
  readonly trailersPossible: boolean;
}

/** The properties of a request that come from its connection, not its head. */
export interface ClientInfo {
  readonly remoteAddress: string | undefined;
  readonly protocol: "http" | "https";
}

/** An IPv4 client of a socket that serves both is the IPv4 client. */
export function clientAddress(address: string | undefined): string | undefined {
  return address?.startsWith("::ffff:") === true && address.includes(".") ? address.slice(7) : address;
}

/** The parts of a request target of HTTP/1.1, and the host that it asks for together with `Host`. */
export function targetAndHost(target: string, header: FieldLines): Pick<InboundRequest, "target" | "host"> {
  const parsed = parseRequestTarget(target);
  return { target: parsed, host: parsed.authority ?? header.get("Host") };
}

/**
 * The protocol that a request of HTTP/1.x asks to switch to. A WebSocket is opened by a GET of HTTP/1.1 without content
 * (RFC 6455 section 4.1); in any other request `Upgrade` is ignored.
 */
export function requestedUpgrade({
  method,
  httpVersion,
  content,
  header,
}: Pick<InboundRequest, "method" | "httpVersion" | "content" | "header">): string | undefined {
  return method === "GET" && httpVersion === "1.1" && content === undefined ? upgradeProtocol(header) : undefined;
}
