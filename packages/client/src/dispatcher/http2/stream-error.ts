import { ConnectionFault, ErrorCode, errorCodeName, type StreamReset } from "@trailsum/http/http2";
import { errors } from "undici";

import { interimsWithoutEnd } from "../exchange.ts";
import type { Http2Error } from "../http2-error.ts";

const DEFINED: ReadonlySet<number> = new Set(Object.values(ErrorCode));

/** What one side says when the other breaks the rules. */
const VIOLATIONS: ReadonlySet<number> = new Set([
  ErrorCode.PROTOCOL_ERROR,
  ErrorCode.FLOW_CONTROL_ERROR,
  ErrorCode.STREAM_CLOSED,
  ErrorCode.FRAME_SIZE_ERROR,
  ErrorCode.COMPRESSION_ERROR,
]);

// undici's types leave out the second parameter, which becomes the error's code with `HPE_` before it.
const ParserError = errors.HTTPParserError as unknown as new (message: string, code: string) => Error;

/** What had come of a response when its stream was reset. */
export interface ReceivedResponse {
  /** Whether one more interim response would have been too much. */
  readonly interimsExhausted: boolean;
  /** Whether the content is not as long as its Content-Length. */
  readonly isOfOtherLength: boolean;
}

/** The error of an exchange whose stream was reset, by the server or because of what it sent. */
export function resetError(
  { by, code, reason }: StreamReset,
  { interimsExhausted, isOfOtherLength }: ReceivedResponse,
): Error {
  if (by === "goaway") return streamReset(ErrorCode.REFUSED_STREAM);
  if (by === "peer") return streamReset(code);
  if (code === ErrorCode.ENHANCE_YOUR_CALM) {
    return interimsExhausted ? interimsWithoutEnd() : new errors.HeadersOverflowError();
  }
  return isOfOtherLength && code === ErrorCode.PROTOCOL_ERROR
    ? new errors.ResponseContentLengthMismatchError()
    : streamReset(code, new Error(reason));
}

/** The error of an exchange whose stream was reset with this code. */
export function streamReset(code: number, cause?: Error): Http2Error {
  return http2Error("stream", code, cause);
}

/** The error of an exchange whose connection was lost: by GOAWAY with an error, by `cause`, or without a word. */
export function connectionLost(cause: Error | undefined, goawayCode: number = ErrorCode.NO_ERROR): Error {
  if (goawayCode !== ErrorCode.NO_ERROR) return http2Error("connection", goawayCode, cause);
  if (cause instanceof ConnectionFault) return http2Error("connection", cause.code, cause);
  return cause ?? new errors.SocketError("other side closed");
}

function http2Error(http2ErrorScope: Http2Error["http2ErrorScope"], http2ErrorCode: number, cause?: Error): Http2Error {
  const name = DEFINED.has(http2ErrorCode) ? errorCodeName(http2ErrorCode) : String(http2ErrorCode);
  const what = http2ErrorScope === "stream" ? "the stream was reset" : "the connection was closed";
  const message = `HTTP/2: ${what} with ${name}`;
  const error = VIOLATIONS.has(http2ErrorCode)
    ? new ParserError(message, `HTTP2_${name}`)
    : new errors.SocketError(message);
  return Object.assign(error, { http2ErrorCode, http2ErrorScope }, cause === undefined ? {} : { cause });
}
