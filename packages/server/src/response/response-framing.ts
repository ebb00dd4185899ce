import { type InboundExchange, type InboundRequest } from "@trailsum/http/inbound";
import { type FieldLine, sameFieldName } from "@trailsum/shared";

/**
 * How a response's end is marked: by a trailer section (after a chunked body, or DATA frames), by its length, by a
 * chunked body alone (or, in HTTP/1.0, by the end of the connection), or by having no content at all.
 */
export type ResponseFraming = "trailers" | "length" | "open" | "none";

/** Chooses the framing that the request's method and version and the response's status leave room for. */
export function responseFraming(request: InboundRequest, status: number, size: number | undefined): ResponseFraming {
  if (request.method === "HEAD" || status < 200 || status === 204 || status === 304) return "none";
  if (acceptsTrailers(request)) return "trailers";
  return size === undefined ? "open" : "length";
}

/** Without the fields that only {@link responseFraming} may decide on, and those that HTTP/2 does not have (RFC 9113 section 8.2.2). */
export function withoutFraming({ request }: InboundExchange, fields: Iterable<FieldLine>): FieldLine[] {
  const names = request.httpVersion === "2.0" ? [...FRAMING_FIELDS, ...CONNECTION_FIELDS] : FRAMING_FIELDS;
  return [...fields].filter(([name]) => !names.some((field) => sameFieldName(field, name)));
}

const FRAMING_FIELDS = ["Content-Length", "Transfer-Encoding", "Trailer"];
const CONNECTION_FIELDS = ["Connection", "Keep-Alive", "Proxy-Connection", "Upgrade", "TE"];

/** Whether a trailer section can be sent and will be kept: `TE: trailers` says so, HTTP/2 always does (RFC 9110 section 10.1.4). */
function acceptsTrailers({ httpVersion, header, responseTrailers = true }: InboundRequest): boolean {
  if (!responseTrailers) return false;
  if (httpVersion === "2.0") return true;
  return httpVersion === "1.1" && header.list("TE").some((member) => /^trailers\s*(?:;|$)/i.test(member));
}
