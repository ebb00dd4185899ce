import { errors } from "undici";

// undici's types leave out the second parameter, which becomes the error's code with `HPE_` before it.
const ParserError = errors.HTTPParserError as unknown as new (message: string, code: string) => Error;

/** What breaks the rules of HTTP/1.1, with the code that llhttp has for the same fault: `HPE_INVALID_CHUNK_SIZE`, ... */
export type ParserFault =
  | "INVALID_STATUS"
  | "INVALID_HEADER_TOKEN"
  | "INVALID_CONTENT_LENGTH"
  | "UNEXPECTED_CONTENT_LENGTH"
  | "INVALID_TRANSFER_ENCODING"
  | "INVALID_CHUNK_SIZE"
  | "CLOSED_CONNECTION"
  | "STRICT";

/** An undici `HTTPParserError` with a code. */
export function parserError(message: string, fault: ParserFault): Error {
  return new ParserError(message, fault);
}
