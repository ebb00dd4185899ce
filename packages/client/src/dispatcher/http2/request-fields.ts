import { listMembers } from "@trailsum/shared";
import { errors } from "undici";

import { expectsContent, type OutgoingRequest } from "../outgoing-request.ts";
import { checkWritable } from "../writable-text.ts";

/** What the URLs of an origin begin with. */
export interface OriginParts {
  readonly scheme: string;
  readonly authority: string;
}

/** What nghttp2 puts into one field. What is larger it would not send, and say that the server has refused it. */
const MAX_VALUE = 65_535;

/** What it puts into one section, by our order. */
export const MAX_SECTION = 1_048_576;

/** The header section of a request: name, value, ..., pseudo fields first (RFC 9113 section 8.3.1). */
export function requestFields(request: OutgoingRequest, origin: OriginParts): readonly string[] {
  const { method, target, raw, host, length } = request;
  // Nothing but an authority (RFC 9113 section 8.5).
  if (method === "CONNECT") return checkSection(carried(raw, [":method", method, ":authority", target]));
  const { scheme, authority, path } = targetUri(target, origin, host);
  const fields = carried(raw, [":method", method, ":scheme", scheme, ":authority", authority, ":path", path]);
  if (tellsLength(request)) fields.push("content-length", String(length));
  if (request.expectContinue && hasContent(request)) fields.push("expect", "100-continue");
  return checkSection(fields);
}

/** The header section of an extended CONNECT (RFC 8441 section 4). Its challenge fields, which prove nothing here, stay out. */
export function extendedConnectFields(
  { target, raw, host }: OutgoingRequest,
  origin: OriginParts,
  protocol: string,
): readonly string[] {
  const { scheme, authority, path } = targetUri(target, origin, host);
  const pseudo = [":method", "CONNECT", ":protocol", protocol, ":scheme", scheme, ":authority", authority];
  return checkSection(carried(raw, [...pseudo, ":path", path], "sec-websocket-key"));
}

/** Whether anything follows the header section. */
export function hasContent({ body, trailers }: OutgoingRequest): boolean {
  return trailers !== undefined || !(body.kind === "none" || (body.kind === "bytes" && body.bytes.byteLength === 0));
}

/** Behind a length, whoever passes the request on over HTTP/1.1 has no room for trailers: it is not told with them. */
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

/** Adds fields but those of one connection (RFC 9113 section 8.2.2); of TE, `trailers` may stay. */
function carried(raw: readonly string[], fields: string[], without?: string): string[] {
  let trailers = false;
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!.toLowerCase();
    const value = raw[at + 1]!;
    if (name === "te") trailers ||= listMembers(value).some((member) => member.toLowerCase() === "trailers");
    else if (name !== "proxy-connection" && name !== "http2-settings" && name !== without) fields.push(name, value);
  }
  if (trailers) fields.push("te", "trailers");
  return fields;
}

/** Throws undici's `InvalidArgumentError` for fields that are too large, or that nghttp2 would leave out silently. */
export function checkSection(raw: readonly string[]): readonly string[] {
  checkWritable(raw);
  let size = 0;
  for (const text of raw) {
    size += text.length;
    if (text.length > MAX_VALUE || size > MAX_SECTION)
      throw new errors.InvalidArgumentError("a field is too large for HTTP/2");
  }
  return raw;
}
