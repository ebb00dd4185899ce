import type { ServerResponse } from "node:http";
import { Socket } from "node:net";
import { TLSSocket } from "node:tls";

import { transportError } from "@trailsum/client";
import { type ErrorCode, errorProblem, problemMediaType, TrailsumError } from "@trailsum/shared";

import type { InboundRequest } from "./request/inbound-request.ts";

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
export function originFailure(error: unknown, origin: string | undefined): TrailsumError {
  // Raised by us, about the client's own message: it has its status already.
  if (error instanceof TrailsumError) return error;
  const failure = transportError(error, URL.parse(origin ?? ""));
  return new TrailsumError(failure.code, failure.message, { cause: error, status: STATUS[failure.code] ?? 500 });
}

/** Whether it speaks against the origin that it was asked: a client cannot have an origin left out by what it sends. */
export function blamesOrigin({ code, cause }: TrailsumError): boolean {
  // Raised by us, it is about the client's message.
  return cause !== undefined && code in STATUS;
}

/**
 * Whether another origin may be asked, none of the content having been read: nothing of the request was sent; or it may
 * be sent twice (RFC 9110 section 9.2.2), and the connection was lost before an answer.
 */
export function mayGoElsewhere({ code }: TrailsumError, inbound: InboundRequest): boolean {
  if (code === "CONNECT_FAILED" || code === "UNTRUSTED_CERTIFICATE") return true;
  return code === "CONNECTION_LOST" && IDEMPOTENT.has(inbound.method);
}

const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/**
 * Breaks off a response that has begun, so that nobody can take it for a whole one. Where only the end of the
 * connection would mark its end, an orderly end would look like success: that one is reset.
 */
export function abandonResponse(res: ServerResponse): void {
  const { socket } = res;
  if (res.req.httpVersion === "1.0" && socket instanceof Socket && !(socket instanceof TLSSocket))
    socket.resetAndDestroy();
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
