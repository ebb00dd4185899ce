/** Which rule of HTTP/1.1 was broken: the names are llhttp's, except for the last four. */
export type SyntaxFaultCode =
  /** An invalid line terminator or a control character. */
  | "STRICT"
  /** A malformed field line, or one not allowed in this section. */
  | "INVALID_HEADER_TOKEN"
  | "INVALID_CONTENT_LENGTH"
  | "INVALID_CHUNK_SIZE"
  | "INVALID_STATUS"
  | "INVALID_TRANSFER_ENCODING"
  | "UNEXPECTED_CONTENT_LENGTH"
  /** A message where the one before it ends the connection. */
  | "CLOSED_CONNECTION"
  /** More fields, or longer sections, than are accepted. */
  | "TOO_LARGE"
  /** More chunk extensions than are skipped. */
  | "TOO_MANY_EXTENSIONS"
  /** The connection ended within a message. */
  | "INCOMPLETE"
  /** A response, or a switch of protocols, that no request asked for. */
  | "UNSOLICITED";

/**
 * What the other side sent is not valid HTTP/1.1, or exceeds a limit. The owner of the connection reports it in its own
 * way: as an error of its library, or as a response with a status.
 */
export class SyntaxFault extends Error {
  /** `SyntaxFault`. */
  override readonly name = "SyntaxFault";
  /** The rule that was broken. */
  readonly fault: SyntaxFaultCode;

  constructor(message: string, fault: SyntaxFaultCode) {
    super(message);
    this.fault = fault;
  }
}
