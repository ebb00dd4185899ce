import { SyntaxFault } from "./syntax-fault.ts";

const CR = 0x0d;
const LF = 0x0a;
const END = Buffer.from("\r\n\r\n");

/**
 * Where a section of lines that begins at `start` ends: the position of the CRLF of its last line, which the empty line
 * follows, so four bytes end it. Nothing where it is cut. What comes before `from` has been searched already.
 * Throws a {@link SyntaxFault} where the section is longer than `limit` bytes, and where a line of what is cut ends in a
 * bare LF: its sender would wait for an answer to a head that never ends.
 */
export function sectionEnd(bytes: Buffer, start: number, limit: number, from: number = start): number | undefined {
  // The end may have begun in what has been searched.
  const end = bytes.indexOf(END, Math.max(start, from - (END.length - 1)));
  const length = (end === -1 ? bytes.length : end) - start;
  if (length > limit) throw new SyntaxFault(`a section of more than ${limit} bytes`, "TOO_LARGE");
  if (end !== -1) return end;
  for (let at = bytes.indexOf(LF, from); at !== -1; at = bytes.indexOf(LF, at + 1)) {
    if (at === start || bytes[at - 1] !== CR) throw new SyntaxFault("a line that does not end in CRLF", "STRICT");
  }
  return undefined;
}
