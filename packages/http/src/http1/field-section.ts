import { octetClass, TOKEN } from "@trailsum/shared";

import { SyntaxFault } from "./syntax-fault.ts";

const HTAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SP = 0x20;
const COLON = 0x3a;

/** The octets of a field value, and of the whitespace around it (RFC 9110 section 5.5). */
const VALUE = octetClass(/[\t\x20-\x7e\x80-\xff]/);

/** Characters that are not allowed anywhere in a section: control characters, a CR without LF, an LF without CR (RFC 9112 section 2.2). */
// oxlint-disable-next-line no-control-regex -- control characters are what it is about
const FORBIDDEN = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n/;

/**
 * Parses field lines strictly (RFC 9112 section 5), in one pass over their octets: no line folding, no space before the
 * colon, a token for a name, no control character, no CR or LF except at the end of a line. They are in `bytes` from
 * `start` to `end`, the end of each line included. Gives name, value, name, value, ... as latin1, with the case of the
 * names kept. Throws a {@link SyntaxFault}, also for more than `maxFields` lines.
 */
export function parseFieldSection(bytes: Buffer, start: number, end: number, maxFields: number): string[] {
  const raw: string[] = [];
  if (start >= end) return raw;
  const text = bytes.toString("latin1", start, end);
  for (let at = start; at < end;) {
    let colon = at;
    while (TOKEN[bytes[colon]!] === 1) colon += 1;
    if (colon === at || bytes[colon] !== COLON) throw faultIn(text);
    let from = colon + 1;
    while (isWhitespace(bytes[from]!)) from += 1;
    let to = from;
    while (VALUE[bytes[to]!] === 1) to += 1;
    const next = to + 2;
    if (bytes[to] !== CR || bytes[to + 1] !== LF || next > end) throw faultIn(text);
    while (to > from && isWhitespace(bytes[to - 1]!)) to -= 1;
    if (raw.length === maxFields * 2) throw new SyntaxFault(`more than ${maxFields} field lines`, "TOO_LARGE");
    raw.push(text.slice(at - start, colon - start), text.slice(from - start, to - start));
    at = next;
  }
  return raw;
}

/** Refuses, in latin1 text, the octets that make lines ambiguous. Throws a {@link SyntaxFault}. */
export function checkOctets(text: string): void {
  if (FORBIDDEN.test(text)) throw new SyntaxFault("a bare CR or LF, or a control character, in a section", "STRICT");
}

/** Optional whitespace around a value does not belong to it (RFC 9110 section 5.6.3). */
function isWhitespace(octet: number): boolean {
  return octet === SP || octet === HTAB;
}

function faultIn(section: string): SyntaxFault {
  checkOctets(section);
  return new SyntaxFault("a field line with an invalid name, or a folded line", "INVALID_HEADER_TOKEN");
}
