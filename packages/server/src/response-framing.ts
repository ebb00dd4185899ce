import { type FieldLines, sameFieldName } from "@trailsum/shared";

import type { NodeRequest, NodeResponse } from "./node-message.ts";
import { requestHead } from "./request-head.ts";

/**
 * How a response's end is marked: by a trailer section (behind a chunked body, or DATA frames), by its length, by a
 * chunked body alone (or, in HTTP/1.0, by the end of the connection), or by having no content at all.
 */
export type ResponseFraming = "trailers" | "length" | "open" | "none";

/** Chooses the framing that the request's method and version and the response's status leave room for. */
export function responseFraming(req: NodeRequest, status: number, size: number | undefined): ResponseFraming {
  if (req.method === "HEAD" || status < 200 || status === 204 || status === 304) return "none";
  if (acceptsTrailers(req)) return "trailers";
  return size === undefined ? "open" : "length";
}

/** The fields that only {@link responseFraming} may decide on, and those that HTTP/2 does not have (RFC 9113 section 8.2.2). */
export function isFramingField(name: string, res: NodeResponse): boolean {
  const fields = "stream" in res ? [...FRAMING_FIELDS, ...CONNECTION_FIELDS] : FRAMING_FIELDS;
  return fields.some((field) => sameFieldName(field, name));
}

const FRAMING_FIELDS = ["Content-Length", "Transfer-Encoding", "Trailer"];
const CONNECTION_FIELDS = ["Connection", "Keep-Alive", "Proxy-Connection", "Upgrade", "TE"];

/** Whether a trailer section can be sent and will be kept: `TE: trailers` says so, HTTP/2 always does (RFC 9110 section 10.1.4). */
function acceptsTrailers(req: NodeRequest): boolean {
  if ("stream" in req) return true;
  const { header } = requestHead(req);
  return req.httpVersion === "1.1" && header.list("TE").some((member) => /^trailers\s*(?:;|$)/i.test(member));
}

/**
 * Sets the trailer section. It goes out when the response is ended; in HTTP/1.1 only if `Trailer` announced it in the
 * header, and in HTTP/2 only if the header went out before, which otherwise ends a stream without content by itself.
 */
export function setTrailers(res: NodeResponse, trailers: FieldLines): void {
  // A list for each name is what both protocols take.
  const lists = new Map<string, string[]>();
  for (const [name, value] of trailers) lists.set(name, [...(lists.get(name) ?? []), value]);
  if ("stream" in res && !res.headersSent) res.writeHead(res.statusCode);
  res.addTrailers(Object.fromEntries(lists));
}
