import type { FieldLines } from "@trailsum/shared";

import type { HpackField } from "../hpack/field.ts";
import { FieldKind, fieldKind, isPseudo } from "./field-kind.ts";
import { readFieldSection } from "./field-section.ts";
import { malformed } from "./malformed.ts";

/** The header section of a response that was received, interim or final. */
export interface ResponseHead {
  /** 100 to 999, without 101. */
  readonly status: number;
  /** The regular lines in their order, duplicates included. */
  readonly fields: FieldLines;
  /** The value of Content-Length, with which the content agrees when it ends. */
  readonly contentLength: number | undefined;
  /** The names of lines that an intermediary has to send as never-indexed literals again (RFC 7541 section 6.2.3). */
  readonly neverIndexed: readonly string[] | undefined;
}

/** RFC 9110 section 15: three digits, of which the first is not 0. */
const STATUS = /^[1-9]\d\d$/;

/** Reads the header section of a response. Throws a {@link StreamFault} for what makes it malformed (RFC 9113 section 8.3.2). */
export function readResponseHead(lines: readonly HpackField[]): ResponseHead {
  const [first] = lines;
  if (first === undefined || fieldKind(first) !== FieldKind.STATUS)
    throw malformed("a response that begins without :status");
  if (!STATUS.test(first.value)) throw malformed("an invalid :status");
  const status = Number(first.value);
  // RFC 9113 section 8.6.
  if (status === 101) throw malformed("the status 101");
  const second = lines[1];
  if (second !== undefined && isPseudo(fieldKind(second)))
    throw malformed("a second pseudo-header field in a response");
  const { fields, contentLength, neverIndexed } = readFieldSection(lines, 1);
  return { status, fields, contentLength, neverIndexed };
}

/** Whether a status is one of an interim response (RFC 9110 section 15.2). */
export function isInterim(status: number): boolean {
  return status < 200;
}

/** Whether a response has no content, regardless of its fields (RFC 9110 section 6.4.1). */
export function hasNoContent(status: number, method: string): boolean {
  return method === "HEAD" || status === 204 || status === 304;
}
