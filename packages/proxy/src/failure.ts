import { isConnectFailure, streamResetCode, transportError } from "@trailsum/client";
import { ErrorCode as ResetCode } from "@trailsum/http/http2";
import type { InboundRequest } from "@trailsum/http/inbound";
import { type ErrorCode, errorProblem, FieldLines, problemMediaType, TrailsumError } from "@trailsum/shared";

import { isGrpc } from "./grpc.ts";
import type { OwnResponse } from "./own-response.ts";

/** The status for an origin that cannot be reached or understood (RFC 9110 sections 15.6.3 to 15.6.5). */
const STATUS: Partial<Record<ErrorCode, number>> = {
  CONNECT_FAILED: 502,
  UNTRUSTED_CERTIFICATE: 502,
  CONNECTION_LOST: 502,
  PROTOCOL: 502,
  TRAILERS_TOO_LARGE: 502,
  TIMEOUT: 504,
};

/** A failed exchange with an origin, with the status for the client. */
export function originFailure(error: unknown, origin: string | undefined): TrailsumError {
  // Raised by us, about the client's own message: it has its status already.
  if (error instanceof TrailsumError) return error;
  const failure = transportError(error, URL.parse(origin ?? ""));
  const status = isUnsupported(error) ? 501 : isUnprocessed(error) ? 503 : (STATUS[failure.code] ?? 500);
  return new TrailsumError(failure.code, failure.message, { cause: error, status });
}

/** The dispatcher has no way to ask this of the origin, such as to switch protocols over an HTTP/2 that cannot. */
function isUnsupported(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "UND_ERR_NOT_SUPPORTED";
}

/** Whether the origin could not even be connected to: nothing was sent, and no request can have provoked it. */
export function isUnreachable({ code, cause }: TrailsumError): boolean {
  // Raised by us, it is about the client's message.
  if (cause === undefined) return false;
  return code === "CONNECT_FAILED" || code === "UNTRUSTED_CERTIFICATE" || isConnectFailure(cause);
}

/**
 * Whether the origin certainly did not process the request: it refused the stream, or said GOAWAY with a lower stream
 * (RFC 9113 section 8.7).
 */
export function isUnprocessed(error: unknown): boolean {
  return streamResetCode(error) === ResetCode.REFUSED_STREAM;
}

/**
 * Whether another origin may be asked, none of the content having been read: nothing of the request was sent or
 * processed; or it may be sent twice (RFC 9110 section 9.2.2), and the connection was lost before an answer.
 */
export function mayGoElsewhere(failure: TrailsumError, inbound: InboundRequest): boolean {
  if (isUnreachable(failure) || isUnprocessed(failure.cause)) return true;
  return failure.code === "CONNECTION_LOST" && IDEMPOTENT.has(inbound.method);
}

/**
 * The code with which an HTTP/2 client's stream is reset after the origin reset its own: the same one, because it says
 * what the client can do. Codes that are about the connection to the origin, and NO_ERROR, which
 * would be taken for an end, are an internal error to the client (RFC 9113 section 7).
 */
export function passedResetCode({ cause }: TrailsumError): number | undefined {
  const code = streamResetCode(cause);
  return code === undefined || !HOP_CODES.has(code) ? code : ResetCode.INTERNAL_ERROR;
}

const HOP_CODES: ReadonlySet<number> = new Set([
  ResetCode.NO_ERROR,
  ResetCode.PROTOCOL_ERROR,
  ResetCode.FLOW_CONTROL_ERROR,
  ResetCode.SETTINGS_TIMEOUT,
  ResetCode.STREAM_CLOSED,
  ResetCode.FRAME_SIZE_ERROR,
  ResetCode.COMPRESSION_ERROR,
  ResetCode.HTTP_1_1_REQUIRED,
]);

const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/** The response of the proxy when the origin gave none. */
export type FailureResponse = OwnResponse;

/**
 * The answer to a request that failed: a problem document, or a status for gRPC. Internal causes are
 * not revealed: the status says all that a client needs. Over HTTP/2 a stream that the origin reset is reset: for gRPC always,
 * whose clients make a status of the code; for others where the code says what to do, such as to send it again.
 */
export function failureResponse(error: TrailsumError, request: InboundRequest): FailureResponse {
  const status = error.status ?? 500;
  const grpc = isGrpc(request.header.get("Content-Type"));
  const resetCode = request.httpVersion === "2.0" ? passedResetCode(error) : undefined;
  if (resetCode !== undefined && (grpc || ACTIONABLE.has(resetCode))) return { status, resetCode };
  const about =
    status >= 500 ? new TrailsumError(error.code, PUBLIC[status] ?? "something went wrong", { status }) : error;
  if (grpc) return grpcFailure(about);
  return {
    status,
    header: FieldLines.from([["Content-Type", problemMediaType]]),
    content: `${JSON.stringify(errorProblem(about))}\n`,
  };
}

const ACTIONABLE: ReadonlySet<number> = new Set([
  ResetCode.REFUSED_STREAM,
  ResetCode.CANCEL,
  ResetCode.ENHANCE_YOUR_CALM,
]);

const PUBLIC: Readonly<Record<number, string>> = {
  501: "this cannot be asked of the origin",
  502: "the origin could not be reached, or did not answer as it should",
  503: "no origin takes the request now: it was not processed and can be sent again",
  504: "the origin did not answer in time",
  508: "the request came back to this proxy",
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
