/** The error codes of RST_STREAM and GOAWAY (RFC 9113 section 7). A peer may also send any other number. */
export const ErrorCode = {
  /** Not an error: a graceful end. */
  NO_ERROR: 0x0,
  /** An unspecific violation of the protocol. */
  PROTOCOL_ERROR: 0x1,
  /** An unexpected error of the sender. */
  INTERNAL_ERROR: 0x2,
  /** The peer exceeded a flow-control window. */
  FLOW_CONTROL_ERROR: 0x3,
  /** SETTINGS was not acknowledged in time. */
  SETTINGS_TIMEOUT: 0x4,
  /** A frame for a stream that was half-closed already. */
  STREAM_CLOSED: 0x5,
  /** A frame of an invalid size. */
  FRAME_SIZE_ERROR: 0x6,
  /** The stream was not processed: its request can be sent again (RFC 9113 section 8.7). */
  REFUSED_STREAM: 0x7,
  /** The stream is no longer needed. */
  CANCEL: 0x8,
  /** The field compression state is lost. */
  COMPRESSION_ERROR: 0x9,
  /** The connection of a CONNECT request was reset or closed abnormally. */
  CONNECT_ERROR: 0xa,
  /** The peer causes too much load. */
  ENHANCE_YOUR_CALM: 0xb,
  /** The transport does not meet the minimum security requirements. */
  INADEQUATE_SECURITY: 0xc,
  /** The request must be sent over HTTP/1.1. */
  HTTP_1_1_REQUIRED: 0xd,
} as const;

const NAMES: readonly string[] = Object.keys(ErrorCode);

/** The name of an error code for messages: `CANCEL`, or `0x77` for a code that RFC 9113 does not define. */
export function errorCodeName(code: number): string {
  return NAMES[code] ?? `0x${code.toString(16)}`;
}
