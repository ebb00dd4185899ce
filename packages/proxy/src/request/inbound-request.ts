import type { IncomingMessage } from "node:http";

import { type FieldLines, isToken, TrailsumError } from "@trailsum/shared";

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
  /** The protocol that it asks to switch to: several, comma-separated, in the order in which they are preferred. */
  readonly upgrade: string | undefined;
  /** Whether its content waits for a 100 (RFC 9110 section 10.1.1). */
  readonly expectsContinue: boolean;
  /** Node's own object, where the request came through a server of Node's. */
  readonly message: IncomingMessage | undefined;
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
 * Refuses what cannot be passed on: a request whose host or target whoever routes by it next might read as another one
 * (RFC 9112 section 3.2, RFC 9113 section 8.3.1), one that expects what nobody knows (RFC 9110 section 10.1.1), and one
 * for a tunnel to wherever a client wants: this is no forward proxy (section 9.3.6). HTTP/1.0 need name no host.
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
  if (!isToken(method) || !isTarget(target, httpVersion)) {
    throw new TrailsumError("PROTOCOL", "the request's method or target is none", { status: 400 });
  }
  const expectation = httpVersion === "1.0" ? undefined : header.get("Expect");
  if (expectation !== undefined && expectation.toLowerCase() !== "100-continue") {
    throw new TrailsumError("EXPECTATION_FAILED", "the request expects what nobody knows");
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
