import { CONNECTION_FIELDS } from "../../fields/connection-fields.ts";
import { isFieldValue, isToken } from "@trailsum/shared";

import type { HpackField } from "../hpack/field.ts";

/** The role of a field line in a message. Kept with the line, so that a line of an HPACK table is examined once. */
export const FieldKind = {
  UNKNOWN: 0,
  /** A line that needs no attention. */
  REGULAR: 1,
  /** A line that makes any message malformed. */
  FORBIDDEN: 2,
  CONTENT_LENGTH: 3,
  HOST: 4,
  // The pseudo-header fields, which come first: everything from here on.
  METHOD: 5,
  SCHEME: 6,
  AUTHORITY: 7,
  PATH: 8,
  PROTOCOL: 9,
  STATUS: 10,
  UNDEFINED_PSEUDO: 11,
} as const;

/** The names with a special role. */
const KINDS: ReadonlyMap<string, number> = new Map<string, number>([
  ["content-length", FieldKind.CONTENT_LENGTH],
  ["host", FieldKind.HOST],
  [":method", FieldKind.METHOD],
  [":scheme", FieldKind.SCHEME],
  [":authority", FieldKind.AUTHORITY],
  [":path", FieldKind.PATH],
  [":protocol", FieldKind.PROTOCOL],
  [":status", FieldKind.STATUS],
]);

const UPPER_CASE = /[A-Z]/;

/** The kind of a line that was received. */
export function fieldKind(field: HpackField): number {
  if (field.kind === FieldKind.UNKNOWN) field.kind = kindOf(field.name, field.value);
  return field.kind;
}

/** Whether a kind is that of a pseudo-header field. */
export function isPseudo(kind: number): boolean {
  return kind >= FieldKind.METHOD;
}

/** Why a regular line is not allowed in a message of HTTP/2; `undefined` if it is. */
export function fieldFault(name: string, value: string): string | undefined {
  // RFC 9113 section 8.2.1, and sections 5.1 and 5.5 of RFC 9110 to which it refers: a token without upper case, octets without
  // control characters, no whitespace around them.
  if (!isToken(name)) return "an invalid field name";
  if (UPPER_CASE.test(name)) return "a field name in upper case";
  if (!isFieldValue(value)) return `an invalid value of ${name}`;
  // RFC 9113 section 8.2.2.
  if (CONNECTION_FIELDS.has(name)) return `${name}, a field of a connection`;
  if (name === "te" && value.toLowerCase() !== "trailers") return "TE other than trailers";
  return undefined;
}

function kindOf(name: string, value: string): number {
  if (name.startsWith(":")) return KINDS.get(name) ?? FieldKind.UNDEFINED_PSEUDO;
  if (fieldFault(name, value) !== undefined) return FieldKind.FORBIDDEN;
  return KINDS.get(name) ?? FieldKind.REGULAR;
}
