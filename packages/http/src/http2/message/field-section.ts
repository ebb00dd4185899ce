import { FieldLines } from "@trailsum/shared";

import { parseContentLength } from "../../http1/content-length.ts";
import { SyntaxFault } from "../../http1/syntax-fault.ts";
import type { HpackField } from "../hpack/field.ts";
import { fieldFault, fieldKind, FieldKind, isPseudo } from "./field-kind.ts";
import { malformed } from "./malformed.ts";

/** The regular lines of a field section, and what the framing of the message needs of them. */
export interface FieldSection {
  /** Every line in its order, duplicates included. */
  readonly fields: FieldLines;
  readonly contentLength: number | undefined;
  readonly host: string | undefined;
  /** The names of lines that an intermediary has to send as never-indexed literals again. */
  readonly neverIndexed: readonly string[] | undefined;
}

/**
 * The lines from `start` on, where the pseudo-header fields have ended. Throws a {@link StreamFault} for what makes the message
 * malformed.
 */
export function readFieldSection(lines: readonly HpackField[], start: number): FieldSection {
  const raw: string[] = [];
  let contentLength: number | undefined;
  let host: string | undefined;
  let neverIndexed: string[] | undefined;
  for (let at = start; at < lines.length; at += 1) {
    const line = lines[at]!;
    const { name, value } = line;
    const kind = fieldKind(line);
    if (kind !== FieldKind.REGULAR) {
      if (kind === FieldKind.CONTENT_LENGTH) contentLength = onlyContentLength(contentLength, value);
      else if (kind === FieldKind.HOST) host = onlyHost(host, value);
      else throw forbidden(line);
    }
    if (line.neverIndexed) (neverIndexed ??= []).push(name);
    raw.push(name, value);
  }
  return { fields: FieldLines.owning(raw), contentLength, host, neverIndexed };
}

/**
 * A trailer section. Throws a {@link StreamFault} for pseudo-header fields (RFC 9113 section 8.1), and for a Content-Length, which frames
 * nothing there (RFC 9110 section 6.5.1), as over HTTP/1.1.
 */
export function readTrailerSection(lines: readonly HpackField[]): FieldSection {
  const section = readFieldSection(lines, 0);
  if (section.contentLength !== undefined) throw malformed("Content-Length in a trailer section");
  return section;
}

/** RFC 9110 section 8.6: a list of lengths, or a second line, may be refused even where they are equal. */
function onlyContentLength(before: number | undefined, value: string): number {
  if (before !== undefined) throw malformed("more than one Content-Length");
  try {
    return parseContentLength(value);
  } catch (error) {
    if (error instanceof SyntaxFault) throw malformed(error.message);
    throw error;
  }
}

/** RFC 9112 section 3.2: one Host at the most. */
function onlyHost(before: string | undefined, value: string): string {
  if (before !== undefined) throw malformed("more than one Host");
  return value;
}

function forbidden(line: HpackField): Error {
  // RFC 9113 section 8.3: before all regular lines, and not in a trailer section.
  if (isPseudo(fieldKind(line))) return malformed("a pseudo-header field after the header or in trailers");
  return malformed(fieldFault(line.name, line.value) ?? "a forbidden field");
}
