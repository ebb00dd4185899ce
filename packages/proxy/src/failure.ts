import type { ServerResponse } from "node:http";
import { Socket } from "node:net";
import { TLSSocket } from "node:tls";

import { transportError } from "@trailsum/client";
import { type ErrorCode, errorProblem, problemMediaType, TrailsumError } from "@trailsum/shared";

import { hasContent, type InboundRequest } from "./inbound-request.ts";

/** What a client is told of an origin that cannot be reached or understood (RFC 9110 sections 15.6.3 to 15.6.5). */
const STATUS: Partial<Record<ErrorCode, number>> = {
  CONNECT_FAILED: 502,
  UNTRUSTED_CERTIFICATE: 502,
  CONNECTION_LOST: 502,
  PROTOCOL: 502,
  TRAILERS_TOO_LARGE: 502,
  TIMEOUT: 504,
};

/** A failed exchange with an origin, with the status that tells the client of it. */
export function originFailure(error: unknown, origin: string): TrailsumError {
  // Raised by us, about the client's own message: it has its status already.
  if (error instanceof TrailsumError) return error;
  const failure = transportError(error, new URL(origin));
  return new TrailsumError(failure.code, failure.message, { cause: error, status: STATUS[failure.code] ?? 500 });
}

/**
 * Whether another origin may be asked: nothing of the request was sent; or it may be sent twice (RFC 9110 section
 * 9.2.2), has no content, and the connection was lost before an answer.
 */
export function mayGoElsewhere({ code }: TrailsumError, inbound: InboundRequest): boolean {
  if (code === "CONNECT_FAILED") return true;
  return code === "CONNECTION_LOST" && !hasContent(inbound) && IDEMPOTENT.has(inbound.method);
}

const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/**
 * Breaks off a response that has begun, so that nobody can take it for a whole one. Where only the end of the
 * connection would mark its end, an orderly end would look like success: that one is reset.
 */
export function abandonResponse(res: ServerResponse): void {
  const { socket } = res;
  const framed = res.chunkedEncoding || res.hasHeader("Content-Length");
  if (!framed && socket instanceof Socket && !(socket instanceof TLSSocket)) socket.resetAndDestroy();
  res.destroy();
}

/** Answers with a problem document. What went wrong inside is not told: the status says all that a client needs. */
export function answerFailure(res: ServerResponse, error: TrailsumError): void {
  const status = error.status ?? 500;
  const about =
    status >= 500 ? new TrailsumError(error.code, PUBLIC[status] ?? "something went wrong", { status }) : error;
  const document = Buffer.from(`${JSON.stringify(errorProblem(about))}\n`);
  // Of a request that has not been read to its end the rest would be taken for another one.
  if (!res.req.complete) res.setHeader("Connection", "close");
  res.writeHead(status, { "Content-Type": problemMediaType, "Content-Length": document.length });
  res.end(document);
}

const PUBLIC: Readonly<Record<number, string>> = {
  502: "the origin could not be reached, or did not answer as it should",
  503: "no origin is available",
  504: "the origin did not answer in time",
};
