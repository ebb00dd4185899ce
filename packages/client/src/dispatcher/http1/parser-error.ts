import { SyntaxFault, type SyntaxFaultCode } from "@trailsum/http/http1";
import { errors } from "undici";

// undici's types leave out the second parameter, which becomes the error's code with `HPE_` before it.
const ParserError = errors.HTTPParserError as unknown as new (message: string, code: string) => Error;

/** What breaks the rules of HTTP/1.1, with the code that llhttp has for the same fault: `HPE_INVALID_CHUNK_SIZE`, ... */
export type ParserFault =
  | Exclude<SyntaxFaultCode, "TOO_LARGE" | "TOO_MANY_EXTENSIONS">
  | "INVALID_STATUS"
  | "UNEXPECTED_CONTENT_LENGTH"
  | "INVALID_TRANSFER_ENCODING"
  | "CLOSED_CONNECTION";

/** An undici `HTTPParserError` with a code. */
export function parserError(message: string, fault: ParserFault): Error {
  return new ParserError(message, fault);
}

/** What undici would say of a fault in the syntax; any other error is what it is. */
export function undiciError(error: unknown): unknown {
  if (!(error instanceof SyntaxFault)) return error;
  const { message, fault } = error;
  if (fault === "TOO_LARGE" || fault === "TOO_MANY_EXTENSIONS") return new errors.HeadersOverflowError(message);
  return parserError(message, fault);
}
