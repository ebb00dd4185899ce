import { expectsContent, type OutgoingRequest } from "../outgoing-request.ts";
import { checkWritable } from "../writable-text.ts";

/** How the content of a request is delimited on the wire. */
export type RequestFraming = "none" | "length" | "chunked";

/** Trailers and bodies of unknown length are chunked; an absent body is announced only where one is expected. */
export function requestFraming({ method, body, length, trailers }: OutgoingRequest): RequestFraming {
  if (trailers !== undefined) return "chunked";
  if (length === undefined) return "chunked";
  if (length === 0 && (body.kind === "none" || body.kind === "bytes") && !expectsContent(method)) return "none";
  return "length";
}

/**
 * The head of a request in wire format, latin1, with its final empty line. Throws undici's
 * `InvalidArgumentError` for what would be more than one line.
 */
export function requestHead(request: OutgoingRequest, framing: RequestFraming, authority: string): string {
  const { method, target, raw, host = authority, upgrade = "", length = 0 } = request;
  checkWritable([method, target, host, upgrade, String(length), ...raw]);
  let head = `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n`;
  let te = false;
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!;
    te ||= name.length === 2 && name.toLowerCase() === "te";
    head += `${name}: ${raw[at + 1]!}\r\n`;
  }
  head += `Connection: ${connectionOptions(request, te)}\r\n`;
  if (upgrade !== "" && method !== "CONNECT") head += `Upgrade: ${upgrade}\r\n`;
  if (request.expectContinue && framing !== "none") head += "Expect: 100-continue\r\n";
  if (framing === "chunked") head += "Transfer-Encoding: chunked\r\n";
  if (framing === "length") head += `Content-Length: ${length}\r\n`;
  return `${head}\r\n`;
}

/** A sender of TE names it in Connection, since it speaks for one hop (RFC 9110 section 10.1.4). */
function connectionOptions({ method, upgrade, close }: OutgoingRequest, te: boolean): string {
  const persistence = upgrade !== undefined && method !== "CONNECT" ? "upgrade" : close ? "close" : "keep-alive";
  return te ? `${persistence}, TE` : persistence;
}
