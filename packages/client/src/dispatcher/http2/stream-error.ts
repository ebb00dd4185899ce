import { constants } from "node:http2";

import { errors } from "undici";

/** An error with the error code of HTTP/2 (RFC 9113 section 7) that says what went wrong. */
export interface Http2Error extends Error {
  readonly http2ErrorCode: number;
  /** Whether the stream was reset, or the whole connection closed (RFC 9113 section 5.4). */
  readonly http2ErrorScope: "stream" | "connection";
}

/** The code with which the stream of a failed exchange was reset; nothing where it was not, or with its connection. */
export function streamResetCode(error: unknown): number | undefined {
  if (!(error instanceof Error && "http2ErrorScope" in error && "http2ErrorCode" in error)) return undefined;
  return error.http2ErrorScope === "stream" ? Number(error.http2ErrorCode) : undefined;
}

/** `NO_ERROR`, `PROTOCOL_ERROR`, ... by their numbers. */
const NAMES: readonly string[] = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
];

/** What one side says when the other breaks the rules. Node does not tell which of them said it. */
const VIOLATIONS: ReadonlySet<number> = new Set([
  constants.NGHTTP2_PROTOCOL_ERROR,
  constants.NGHTTP2_FLOW_CONTROL_ERROR,
  constants.NGHTTP2_STREAM_CLOSED,
  constants.NGHTTP2_FRAME_SIZE_ERROR,
  constants.NGHTTP2_COMPRESSION_ERROR,
]);

// undici's types leave out the second parameter, which becomes the error's code with `HPE_` before it.
const ParserError = errors.HTTPParserError as unknown as new (message: string, code: string) => Error;

/** The error of an exchange whose stream was reset with this code. */
export function streamReset(code: number, cause?: Error): Http2Error {
  return http2Error("stream", code, cause);
}

/** The error of an exchange whose connection was lost, where `cause` is what Node says of it, if anything. */
export function connectionLost(cause: (Error & { code?: unknown }) | undefined, goawayCode = 0): Error {
  if (goawayCode !== constants.NGHTTP2_NO_ERROR) return http2Error("connection", goawayCode, cause);
  if (cause === undefined) return new errors.SocketError("other side closed");
  // What nghttp2 finds wrong with a connection, it has no number for.
  if (cause.code === "ERR_HTTP2_ERROR") {
    return http2Error("connection", constants.NGHTTP2_PROTOCOL_ERROR, cause);
  }
  return cause;
}

function http2Error(http2ErrorScope: Http2Error["http2ErrorScope"], http2ErrorCode: number, cause?: Error): Http2Error {
  const name = NAMES[http2ErrorCode] ?? String(http2ErrorCode);
  const what = http2ErrorScope === "stream" ? "the stream was reset" : "the connection was closed";
  const message = `HTTP/2: ${what} with ${name}`;
  const error = VIOLATIONS.has(http2ErrorCode)
    ? new ParserError(message, `HTTP2_${name}`)
    : new errors.SocketError(message);
  return Object.assign(error, { http2ErrorCode, http2ErrorScope }, cause === undefined ? {} : { cause });
}
