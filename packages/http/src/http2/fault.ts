/**
 * A violation by the peer after which the connection cannot be used (RFC 9113 section 5.4.1). The session that meets it
 * sends GOAWAY with `code` and closes.
 */
export class ConnectionFault extends Error {
  /** `ConnectionFault`. */
  override readonly name = "ConnectionFault";
  /** An error code of RFC 9113 section 7. */
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * A violation by the peer that concerns one stream (RFC 9113 section 5.4.2): the session resets the stream with `code`,
 * and the connection stays open.
 */
export class StreamFault extends Error {
  override readonly name = "StreamFault";
  /** An error code of RFC 9113 section 7. */
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}
