import type { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { TLSSocket } from "node:tls";

import { type FieldLines, sameFieldName } from "@trailsum/shared";

import { requestHead } from "./request-head.ts";

/**
 * How a response's end is marked: by a chunked body with a trailer section, by its length, by a chunked body alone (or,
 * in HTTP/1.0, by the end of the connection), or by having no content at all.
 */
export type ResponseFraming = "trailers" | "length" | "open" | "none";

/** Chooses the framing that the request's method and version and the response's status leave room for. */
export function responseFraming(req: IncomingMessage, status: number, size: number | undefined): ResponseFraming {
  if (req.method === "HEAD" || status < 200 || status === 204 || status === 304) return "none";
  if (acceptsTrailers(req)) return "trailers";
  return size === undefined ? "open" : "length";
}

/** The fields that only {@link responseFraming} may decide on. */
export function isFramingField(name: string): boolean {
  return ["Content-Length", "Transfer-Encoding", "Trailer"].some((field) => sameFieldName(field, name));
}

/** Whether a trailer section can be sent and will be kept: `TE: trailers` says so, HTTP/2 always does (RFC 9110 section 10.1.4). */
function acceptsTrailers(req: IncomingMessage): boolean {
  if (req.httpVersionMajor >= 2) return true;
  const { header } = requestHead(req);
  return req.httpVersion === "1.1" && header.list("TE").some((member) => /^trailers\s*(?:;|$)/i.test(member));
}

/** Sets the trailer section. It goes out when the response is ended, and only if `Trailer` announced it in the header. */
export function setTrailers(res: ServerResponse, trailers: FieldLines): void {
  res.addTrailers([...trailers].map(([name, value]): [string, string] => [name, value]));
}

/**
 * Breaks a response off so that nobody can take it for a whole one. A plain connection is reset: where only the end of
 * the connection marks the end of the content, an orderly close would look like success.
 */
export function abortResponse(res: ServerResponse): void {
  const { socket } = res;
  if (socket instanceof Socket && !(socket instanceof TLSSocket) && !socket.destroyed) socket.resetAndDestroy();
  res.destroy();
}
