import { isToken } from "@trailsum/shared";
import { errors } from "undici";

import { parserError } from "./parser-error.ts";

/** Node's own parser drops what goes beyond, without a word. */
const MAX_FIELDS = 1_000;

/**
 * What may stand nowhere in a section of field lines: control characters, a CR without LF, an LF without CR
 * (RFC 9112 section 2.2: a bare LF is where two recipients begin to disagree).
 */
// oxlint-disable-next-line no-control-regex -- control characters are what it is about
const FORBIDDEN = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n/;

/** Refuses the octets that make sections ambiguous; `section` is latin1 text without its final CRLF. */
export function checkOctets(section: string): void {
  if (FORBIDDEN.test(section)) {
    throw parserError("a bare CR or LF, or a control character, in a field section", "STRICT");
  }
}

/**
 * Parses field lines strictly (RFC 9112 section 5): no line folding, no space before the colon, a token for a name.
 * `section` holds the lines from `start`, separated by CRLF, without the final one, and has passed `checkOctets`.
 * Gives name, value, name, value, ... with the case of the names kept.
 */
export function parseFieldSection(section: string, start: number): string[] {
  const raw: string[] = [];
  for (let at = start; at < section.length;) {
    let end = section.indexOf("\r\n", at);
    if (end === -1) end = section.length;
    const colon = section.indexOf(":", at);
    if (colon === -1 || colon > end) throw invalidLine("a field line without a colon");
    const name = section.slice(at, colon);
    if (!isToken(name)) throw invalidLine("a field name that is no token, or a folded line");
    if (raw.length === MAX_FIELDS * 2) throw new errors.HeadersOverflowError(`more than ${MAX_FIELDS} field lines`);
    raw.push(name, trimWhitespace(section, colon + 1, end));
    at = end + 2;
  }
  return raw;
}

/** Optional whitespace around a value is SP and HTAB, and no part of it (RFC 9110 section 5.6.3). */
function trimWhitespace(text: string, start: number, end: number): string {
  let from = start;
  let to = end;
  while (from < to && isWhitespace(text.charCodeAt(from))) from += 1;
  while (to > from && isWhitespace(text.charCodeAt(to - 1))) to -= 1;
  return text.slice(from, to);
}

function isWhitespace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function invalidLine(message: string): Error {
  return parserError(message, "INVALID_HEADER_TOKEN");
}
