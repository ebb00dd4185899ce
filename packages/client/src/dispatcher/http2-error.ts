// It loads nothing: errors are examined where no HTTP/2 may ever be spoken.

/** An error with the error code of HTTP/2 (RFC 9113 section 7) that says what went wrong. */
export interface Http2Error extends Error {
  readonly http2ErrorCode: number;
  /** Whether the stream was reset, or the whole connection closed (RFC 9113 section 5.4). */
  readonly http2ErrorScope: "stream" | "connection";
}

/** The code with which the stream of a failed exchange was reset; `undefined` where it was not, or with its connection. */
export function streamResetCode(error: unknown): number | undefined {
  if (!(error instanceof Error && "http2ErrorScope" in error && "http2ErrorCode" in error)) return undefined;
  return error.http2ErrorScope === "stream" ? Number(error.http2ErrorCode) : undefined;
}
