import { type ErrorCode, TrailsumError } from "@trailsum/shared";

import { isConnectFailure } from "../dispatcher/connector.ts";
import { TUNNEL_FAILED } from "../dispatcher/tunnel.ts";

/** The codes and sentences for the error codes of undici, Node and OpenSSL. */
const CODES: ReadonlyMap<string, readonly [ErrorCode, string]> = new Map([
  ["ECONNREFUSED", ["CONNECT_FAILED", "connection refused: is the server running, and is the port right?"]],
  ["ENOTFOUND", ["CONNECT_FAILED", "no such host: is the name right?"]],
  ["EAI_AGAIN", ["CONNECT_FAILED", "the name could not be looked up: is there a network?"]],
  ["EHOSTUNREACH", ["CONNECT_FAILED", "the host cannot be reached"]],
  ["ENETUNREACH", ["CONNECT_FAILED", "the network cannot be reached"]],
  ["EHOSTDOWN", ["CONNECT_FAILED", "the host cannot be reached"]],
  ["ENETDOWN", ["CONNECT_FAILED", "the network cannot be reached"]],
  ["EADDRNOTAVAIL", ["CONNECT_FAILED", "no local address or port available"]],
  ["ETIMEDOUT", ["CONNECT_FAILED", "the host does not answer"]],
  ["UND_ERR_CONNECT_TIMEOUT", ["CONNECT_FAILED", "timed out while connecting"]],
  ["ERR_SSL_WRONG_VERSION_NUMBER", ["PROTOCOL", "the server does not speak TLS: use http:// instead of https://"]],
  ["ERR_SSL_PACKET_LENGTH_TOO_LONG", ["PROTOCOL", "the server does not speak TLS: use http:// instead of https://"]],
  ["EPROTO", ["PROTOCOL", "the TLS handshake failed"]],
  ["ECONNRESET", ["CONNECTION_LOST", "the connection was reset"]],
  ["ECONNABORTED", ["CONNECTION_LOST", "the connection was closed"]],
  ["EPIPE", ["CONNECTION_LOST", "the connection was closed"]],
  ["UND_ERR_SOCKET", ["CONNECTION_LOST", "the connection was closed too early"]],
  ["UND_ERR_RES_CONTENT_LENGTH_MISMATCH", ["CONNECTION_LOST", "fewer bytes arrived than were announced"]],
  // What llhttp says of a message that stops before its end.
  ["HPE_INVALID_EOF_STATE", ["CONNECTION_LOST", "the connection was closed too early"]],
  ["UND_ERR_REQ_RETRY", ["CONNECTION_LOST", "the download could not be resumed"]],
  ["UND_ERR_DESTROYED", ["CONNECTION_LOST", "the dispatcher was destroyed"]],
  ["UND_ERR_CLOSED", ["CONNECTION_LOST", "the dispatcher was closed"]],
  ["UND_ERR_HEADERS_TIMEOUT", ["TIMEOUT", "timed out waiting for a response"]],
  ["UND_ERR_BODY_TIMEOUT", ["TIMEOUT", "nothing was sent or received for too long"]],
  ["UND_ERR_HEADERS_OVERFLOW", ["PROTOCOL", "its answer has more header or trailer fields than are allowed"]],
  ["UND_ERR_INVALID_ARG", ["USAGE", "the request cannot be sent"]],
  ["UND_ERR_REQ_CONTENT_LENGTH_MISMATCH", ["USAGE", "the request cannot be sent"]],
  ["UND_ERR_NOT_SUPPORTED", ["USAGE", "the request cannot be sent"]],
  [
    "CERT_HAS_EXPIRED",
    ["UNTRUSTED_CERTIFICATE", "its certificate has expired: the operator of the server must renew it"],
  ],
  ["CERT_NOT_YET_VALID", ["UNTRUSTED_CERTIFICATE", "its certificate is not valid yet: is the clock right?"]],
  [
    "ERR_TLS_CERT_ALTNAME_INVALID",
    ["UNTRUSTED_CERTIFICATE", "its certificate is for another name: is the host right?"],
  ],
  ["UND_ERR_ABORTED", ["ABORTED", "cancelled"]],
  ["ABORT_ERR", ["ABORTED", "cancelled"]],
]);

/** What a server means by the error code with which it resets a stream or closes a connection (RFC 9113 section 7). */
const HTTP2_CODES: ReadonlyMap<number, readonly [ErrorCode, string]> = new Map([
  [7, ["CONNECTION_LOST", "the server refused the request before processing it"]],
  [11, ["CONNECTION_LOST", "the server asks for fewer or smaller requests"]],
  [12, ["PROTOCOL", "the server requires stronger TLS"]],
  [13, ["PROTOCOL", "the server requires HTTP/1.1 for this request"]],
]);

const UNTRUSTED =
  /^(?:CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_CERT_|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH_)/;

/**
 * The `TrailsumError` for an error of a request to `url`, where that is known: `CONNECT_FAILED`, `UNTRUSTED_CERTIFICATE`, `CONNECTION_LOST`,
 * `TIMEOUT`, `PROTOCOL`, `ABORTED` or `USAGE`, with a sentence that says what to do about it.
 */
export function transportError(error: unknown, url: URL | null): TrailsumError {
  if (error instanceof TrailsumError) return error;
  // Several addresses were tried, and each has its own error.
  if (error instanceof AggregateError && error.errors.length > 0) return transportError(error.errors[0], url);
  const code = errorCode(error);
  // fetch calls everything a TypeError, and keeps what happened in its cause.
  if (code === "" && error instanceof TypeError && error.cause instanceof Error)
    return transportError(error.cause, url);
  const [kind, sentence] = http2Meaning(code, error) ?? connectionMeaning(code, error) ?? unlisted(code, error);
  const detail = kind === "USAGE" && error instanceof Error ? `${sentence}: ${error.message}` : sentence;
  return new TrailsumError(kind, url === null ? detail : `${url.origin}: ${detail}`, { cause: error });
}

/** The meaning of a code depends on whether the connection was established: `ETIMEDOUT` comes from `connect` and from `read`. */
function connectionMeaning(code: string, error: unknown): readonly [ErrorCode, string] | undefined {
  const meaning = CODES.get(code);
  if (meaning?.[0] === "CONNECTION_LOST" && isConnectFailure(error))
    return ["CONNECT_FAILED", "the connection was closed before it could be used"];
  if (meaning?.[0] === "CONNECT_FAILED" && isTransferFailure(error)) return ["CONNECTION_LOST", LOST];
  return meaning;
}

const LOST = "the connection was lost";

function isTransferFailure(error: unknown): boolean {
  return error instanceof Error && "syscall" in error && (error.syscall === "read" || error.syscall === "write");
}

function http2Meaning(code: string, error: unknown): readonly [ErrorCode, string] | undefined {
  if (!(error instanceof Error && "http2ErrorCode" in error)) return undefined;
  if (code.startsWith("HPE_"))
    return ["PROTOCOL", `what answers there does not speak HTTP/2 as it should (${error.message})`];
  return (
    HTTP2_CODES.get(Number(error.http2ErrorCode)) ?? ["CONNECTION_LOST", `the server broke it off (${error.message})`]
  );
}

function unlisted(code: string, error: unknown): readonly [ErrorCode, string] {
  const message = error instanceof Error ? error.message : String(error);
  if (code === TUNNEL_FAILED) return ["CONNECT_FAILED", message];
  if (UNTRUSTED.test(code)) {
    return [
      "UNTRUSTED_CERTIFICATE",
      `its certificate is not trusted (${message}): name its issuer's file in NODE_EXTRA_CA_CERTS`,
    ];
  }
  if (code.startsWith("HPE_")) return ["PROTOCOL", `what answers there does not speak HTTP/1.1 (${message})`];
  if (code.startsWith("ERR_SSL_")) return ["PROTOCOL", `the TLS handshake failed (${message})`];
  if (error instanceof Error && error.name === "AbortError") return ["ABORTED", "cancelled"];
  return ["INTERNAL", message];
}

function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}
