import { SyntaxFault } from "./syntax-fault.ts";

/**
 * The number that a `Content-Length` says (RFC 9112 section 6.3): digits and nothing else. A list of numbers is
 * invalid, even of equal ones, and so is a number that cannot be counted exactly. Throws a {@link SyntaxFault}.
 */
export function parseContentLength(value: string): number {
  const length = /^\d{1,16}$/.test(value) ? Number(value) : NaN;
  if (Number.isSafeInteger(length)) return length;
  throw new SyntaxFault("an invalid Content-Length", "INVALID_CONTENT_LENGTH");
}
