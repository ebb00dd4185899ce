import type { OutgoingRequestHead, RequestControl } from "@trailsum/http/http2";
import { FieldLines, listMembers } from "@trailsum/shared";
import { errors } from "undici";

import { expectsContent, type OutgoingRequest } from "../outgoing-request.ts";

/** What the URLs of an origin begin with. */
export interface OriginParts {
  readonly scheme: string;
  readonly authority: string;
}

/** The longest name or value: what nghttp2, which many servers have their HTTP/2 from, takes in one line. Octets. */
const MAX_TEXT = 65_535;

/** The longest section. Octets. */
const MAX_SECTION = 1_048_576;

/** The header section of a request (RFC 9113 section 8.3.1). */
export function requestHead(request: OutgoingRequest, origin: OriginParts): OutgoingRequestHead {
  const { method, target, raw, host, length } = request;
  const lines = carried(raw);
  if (method === "CONNECT") {
    // Nothing but an authority (RFC 9113 section 8.5).
    return head({ method, scheme: undefined, authority: target, path: undefined, protocol: undefined }, lines);
  }
  if (tellsLength(request)) lines.push("content-length", String(length));
  if (request.expectContinue && hasContent(request)) lines.push("expect", "100-continue");
  return head({ method, ...targetUri(target, origin, host), protocol: undefined }, lines);
}

/** The header section of an extended CONNECT (RFC 8441 section 4). Its challenge fields, which prove nothing here, stay out. */
export function extendedConnectHead(
  { target, raw, host }: OutgoingRequest,
  origin: OriginParts,
  protocol: string,
): OutgoingRequestHead {
  return head({ method: "CONNECT", ...targetUri(target, origin, host), protocol }, carried(raw, "sec-websocket-key"));
}

/** All lines of a header section as they are sent: name, value, ... */
export function sectionLines({ method, scheme, authority, path, protocol, fields }: OutgoingRequestHead): string[] {
  const pseudo = {
    ":method": method,
    ":protocol": protocol,
    ":scheme": scheme,
    ":authority": authority,
    ":path": path,
  };
  const lines = Object.entries(pseudo).flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
  return [...lines, ...fields.raw];
}

/** Whether anything follows the header section. */
export function hasContent({ body, trailers }: OutgoingRequest): boolean {
  return trailers !== undefined || !(body.kind === "none" || (body.kind === "bytes" && body.bytes.byteLength === 0));
}

/** After a Content-Length, a recipient that forwards the request over HTTP/1.1 has no room for trailers: it is not sent with them. */
function tellsLength({ method, length, trailers }: OutgoingRequest): boolean {
  return length !== undefined && trailers === undefined && (length > 0 || expectsContent(method));
}

/** A target in absolute form names what its request to a proxy is for. */
function targetUri(
  target: string,
  origin: OriginParts,
  host: string | undefined,
): OriginParts & { readonly path: string } {
  if (target.startsWith("/") || target === "*") {
    return { scheme: origin.scheme, authority: host ?? origin.authority, path: target };
  }
  const url = new URL(target);
  return { scheme: url.protocol.slice(0, -1), authority: host ?? url.host, path: `${url.pathname}${url.search}` };
}

/** The fields without those of one connection (RFC 9113 section 8.2.2); of TE, `trailers` may stay. */
function carried(raw: readonly string[], without?: string): string[] {
  const lines: string[] = [];
  let trailers = false;
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!.toLowerCase();
    const value = raw[at + 1]!;
    if (name === "te") trailers ||= listMembers(value).some((member) => member.toLowerCase() === "trailers");
    else if (name !== "proxy-connection" && name !== "http2-settings" && name !== without) lines.push(name, value);
  }
  if (trailers) lines.push("te", "trailers");
  return lines;
}

function head(control: RequestControl, lines: string[]): OutgoingRequestHead {
  checkSize(lines);
  return { ...control, fields: FieldLines.owning(lines) };
}

/**
 * Throws undici's `InvalidArgumentError` for lines that are too large. The syntax of each line is checked where it is written, by the
 * session.
 */
export function checkSize(lines: readonly string[]): void {
  let size = 0;
  for (const text of lines) {
    size += text.length;
    if (text.length > MAX_TEXT || size > MAX_SECTION)
      throw new errors.InvalidArgumentError("a field is too large for HTTP/2");
  }
}
