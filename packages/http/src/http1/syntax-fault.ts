/** Which rule of HTTP/1.1 was broken; but for the last two, in the names that llhttp has for it. */
export type SyntaxFaultCode =
  /** A line end that is none, or a control character. */
  | "STRICT"
  /** A field line that is none, or that may not stand where it does. */
  | "INVALID_HEADER_TOKEN"
  | "INVALID_CONTENT_LENGTH"
  | "INVALID_CHUNK_SIZE"
  /** More fields, or longer sections, than are taken. */
  | "TOO_LARGE"
  /** More chunk extensions than are skipped. */
  | "TOO_MANY_EXTENSIONS";

/**
 * What the other side sent is no HTTP/1.1, or is too much. Who reads a connection tells it in its own way: as an error
 * of its library, or as a response with a status.
 */
export class SyntaxFault extends Error {
  override readonly name = "SyntaxFault";
  readonly fault: SyntaxFaultCode;

  constructor(message: string, fault: SyntaxFaultCode) {
    super(message);
    this.fault = fault;
  }
}
