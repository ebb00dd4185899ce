import { SyntaxFault } from "@trailsum/http/http1";
import { errors } from "undici";

// undici's types leave out the second parameter, which becomes the error's code with `HPE_` before it.
const ParserError = errors.HTTPParserError as unknown as new (message: string, code: string) => Error;

/**
 * The error that undici has for what is wrong with a response: an `HTTPParserError` with llhttp's code, as in
 * `HPE_INVALID_CHUNK_SIZE`, or one of its other classes. Any other error is returned unchanged.
 */
export function responseError(error: unknown): Error {
  if (!(error instanceof SyntaxFault)) return error instanceof Error ? error : new Error(String(error));
  const { message, fault } = error;
  switch (fault) {
    case "TOO_LARGE":
    case "TOO_MANY_EXTENSIONS":
      return new errors.HeadersOverflowError(message);
    case "INCOMPLETE":
    case "UNSOLICITED":
      return new errors.SocketError(message);
    default:
      return new ParserError(message, fault);
  }
}
