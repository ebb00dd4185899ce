import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";

import { type FieldLines, isToken, TrailsumError } from "@trailsum/shared";

import { expectationOf } from "./expectation.ts";
import { isWebSocket, upgradeProtocol } from "../hop-by-hop.ts";
import { parseRequestTarget, type RequestTarget } from "./request-target.ts";

/** A request as it came in. It does not change. */
export interface InboundRequest {
  readonly method: string;
  readonly target: RequestTarget;
  /** Its header section, as it stood on the wire; of HTTP/2 without pseudo fields. */
  readonly header: FieldLines;
  /** The host that was asked for: of an absolute-form target, of `:authority`, or of `Host`. */
  readonly host: string | undefined;
  readonly httpVersion: "1.0" | "1.1" | "2.0";
  /** The address of the peer. */
  readonly remoteAddress: string | undefined;
  readonly protocol: "http" | "https";
  /** What the head says of the content; nothing where there is none. */
  readonly content: ContentOutline | undefined;
  /** The protocol that it asks to switch to: `websocket`, as it is spelled. Another one is ignored, or refused in HTTP/2. */
  readonly upgrade: string | undefined;
  /** Whether its content waits for a 100 (RFC 9110 section 10.1.1). */
  readonly expectsContinue: boolean;
  /** Node's own object, where the request came through a server of Node's (node:http or node:http2). */
  readonly message: IncomingMessage | Http2ServerRequest | undefined;
}

/** What is known of content before it comes. */
export interface ContentOutline {
  /** The number of bytes, where it is known. */
  readonly length: number | undefined;
  /** Whether trailers may stand behind it. */
  readonly trailersPossible: boolean;
}

/** What the connection that brought a request knows of it beside its head. */
export interface RequestOrigin {
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
 * (RFC 6455 section 4.1); in any other request `Upgrade` is ignored, and it is forwarded like one without.
 */
export function requestedUpgrade({
  method,
  httpVersion,
  content,
  header,
}: Pick<InboundRequest, "method" | "httpVersion" | "content" | "header">): string | undefined {
  return method === "GET" && httpVersion === "1.1" && content === undefined ? upgradeProtocol(header) : undefined;
}

/**
 * Refuses what cannot be forwarded: a request whose host or target the next router could interpret differently (RFC 9112
 * section 3.2, RFC 9113 section 8.3.1), an unknown expectation (RFC 9110 section 10.1.1), a tunnel to a destination of
 * the client's choice, as this is not a forward proxy (section 9.3.6), and a tunnel for any protocol but WebSocket (RFC
 * 9220 section 3 asks for 501). HTTP/1.0 need not name a host.
 */
export function checkRequest(request: InboundRequest): void {
  const { method, header, host, httpVersion, target, upgrade } = request;
  const hosts = header.getAll("Host");
  const other = httpVersion === "2.0" && hosts.length === 1 && hosts[0]!.toLowerCase() !== host?.toLowerCase();
  if (hosts.length > 1 || other || (host !== undefined && !AUTHORITY.test(host))) {
    throw new TrailsumError("PROTOCOL", "the request names no host, or more than one", { status: 400 });
  }
  // Before anything is said of its target, which is in a form of its own.
  if (method === "CONNECT" && upgrade === undefined) {
    throw new TrailsumError("METHOD_NOT_ALLOWED", "this proxy opens no tunnels");
  }
  if (upgrade !== undefined && !isWebSocket(upgrade)) {
    throw new TrailsumError("PROTOCOL", "this proxy opens no tunnels for protocols other than websocket", {
      status: 501,
    });
  }
  if (!isToken(method) || !isTarget(target, httpVersion)) {
    throw new TrailsumError("PROTOCOL", "the request's method or target is none", { status: 400 });
  }
  if (httpVersion !== "1.0" && expectationOf(header.get("Expect")) === "unknown") {
    throw new TrailsumError("EXPECTATION_FAILED", "unknown expectation");
  }
}

/** Whether a target is in a form that it may have; HTTP/2 knows no absolute-form (RFC 9113 section 8.3.1). */
function isTarget({ path, query, authority }: RequestTarget, httpVersion: InboundRequest["httpVersion"]): boolean {
  if (authority !== undefined && httpVersion === "2.0") return false;
  const begins = path.startsWith("/") || path === "*" || (path === "" && authority !== undefined);
  return begins && TARGET.test(path) && (query === undefined || TARGET.test(query));
}

/** RFC 3986 section 3.2 without user information: a name, an IPv4 address or a bracketed IPv6 one, and perhaps a port. */
const AUTHORITY = /^(?:\[[\da-f:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})*)(?::\d*)?$/i;

/** No space, no control character, no fragment (RFC 9112 section 3.2). */
const TARGET = /^[!"$-~]*$/;
