import { STATUS_CODES } from "node:http";

import { transportError } from "@trailsum/client";
import { type ErrorCode, errorProblem, FieldLines, problemMediaType, TrailsumError } from "@trailsum/shared";

import { isGrpc } from "./grpc.ts";
import type { InboundExchange } from "./inbound/inbound-exchange.ts";
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
  const status = isUnsupported(error) ? 501 : (STATUS[failure.code] ?? 500);
  return new TrailsumError(failure.code, failure.message, { cause: error, status });
}

/** The dispatcher has no way to ask this of the origin, such as to switch protocols over an HTTP/2 that cannot. */
function isUnsupported(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "UND_ERR_NOT_SUPPORTED";
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

/** What a client is answered when there is no response to pass back. */
export interface FailureResponse {
  readonly status: number;
  /** Default: the one that goes with the status. */
  readonly reason?: string | undefined;
  readonly header?: FieldLines | undefined;
  /** The content; a text is sent as UTF-8. Its length is added. */
  readonly content?: string | Uint8Array | undefined;
}

/**
 * The answer to a request that came to nothing: a problem document, or for gRPC a status of its own. What went wrong
 * inside is not told: the status says all that a client needs.
 */
export function failureResponse(error: TrailsumError, request: InboundRequest): FailureResponse {
  const status = error.status ?? 500;
  const about =
    status >= 500 ? new TrailsumError(error.code, PUBLIC[status] ?? "something went wrong", { status }) : error;
  if (isGrpc(request.header.get("Content-Type"))) return grpcFailure(about);
  return {
    status,
    header: FieldLines.from([["Content-Type", problemMediaType]]),
    content: `${JSON.stringify(errorProblem(about))}\n`,
  };
}

const PUBLIC: Readonly<Record<number, string>> = {
  501: "this cannot be asked of the origin",
  502: "the origin could not be reached, or did not answer as it should",
  503: "no origin is available",
  504: "the origin did not answer in time",
};

/**
 * A gRPC client looks for a status in the trailers, which in a response without content are its header ("Trailers-Only").
 * Codes: 14 UNAVAILABLE, 4 DEADLINE_EXCEEDED, 1 CANCELLED, 13 INTERNAL (gRPC over HTTP2, and its status codes).
 */
function grpcFailure({ code, status, message }: TrailsumError): FailureResponse {
  const grpcStatus = code === "ABORTED" ? 1 : status === 504 ? 4 : status === 502 || status === 503 ? 14 : 13;
  return {
    status: 200,
    header: FieldLines.from([
      ["Content-Type", "application/grpc"],
      ["Grpc-Status", String(grpcStatus)],
      ["Grpc-Message", percentEncoded(message)],
    ]),
  };
}

/** As little of a text as must be is percent-encoded: there are clients that decode no more (gRPC over HTTP2, Responses). */
function percentEncoded(text: string): string {
  return text.toWellFormed().replaceAll(/[^ -$&-~]+/gu, encodeURIComponent);
}

/** Sends such an answer. Of a request that has not been read to its end the rest is not waited for. */
export function sendFailure(exchange: InboundExchange, response: FailureResponse): void {
  const content = Buffer.from(response.content ?? "");
  const { status } = response;
  const hasContent = exchange.request.method !== "HEAD" && status >= 200 && status !== 204 && status !== 304;
  exchange.head({
    status,
    reason: response.reason ?? STATUS_CODES[status] ?? "",
    header: (response.header ?? FieldLines.empty).set("Content-Length", String(content.length)),
    hasContent,
    trailers: false,
    length: String(content.length),
    givesUp: true,
  });
  if (hasContent && content.length > 0) exchange.write(content);
  exchange.end(FieldLines.empty);
}
