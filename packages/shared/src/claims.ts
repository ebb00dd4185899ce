import type { Algorithm } from "./algorithms.ts";
import type { FieldLines } from "./field-lines.ts";
import {
  type IntegrityFieldName,
  integrityField,
  integrityFieldName,
  integrityFieldNames,
} from "./integrity-fields.ts";

/** The section of a field line. Header and trailer are never merged. */
export type Section = "header" | "trailer";

/** One thing that a message claims of its content. */
export interface Claim {
  /** The field that claims it. */
  readonly field: IntegrityFieldName;
  /** The section of that field. */
  readonly section: Section;
  /** What is claimed: the digest of an algorithm, or the number of bytes. */
  readonly of: { readonly algorithm: Algorithm; readonly digest: Buffer } | { readonly size: number };
}

/** A claim that cannot be parsed. */
export interface MalformedClaim {
  /** The field that claims it. */
  readonly field: IntegrityFieldName;
  /** The section of that field. */
  readonly section: Section;
  /** The algorithm it is about, where it is about one. */
  readonly algorithm?: Algorithm;
  /** A phrase for people. */
  readonly reason: string;
}

/** A digest of an algorithm that is not known here, or was not computed. */
export interface UnsupportedClaim {
  /** The field that claims it. */
  readonly field: IntegrityFieldName;
  /** The section of that field. */
  readonly section: Section;
  /** The algorithm as the field names it. */
  readonly algorithm: string;
}

/** What the integrity fields of one section say. */
export interface Claims {
  /** What they claim. */
  readonly claims: readonly Claim[];
  /** What cannot be parsed. */
  readonly malformed: readonly MalformedClaim[];
  /** Digests of unknown algorithms. */
  readonly unsupported: readonly UnsupportedClaim[];
}

/** Reads every integrity field of a header or trailer section. */
export function readClaims(fields: FieldLines, section: Section): Claims {
  const claims: Claim[] = [];
  const malformed: MalformedClaim[] = [];
  const unsupported: UnsupportedClaim[] = [];
  for (const [field, lines] of integrityLines(fields)) {
    const { digests, unknown, faults, size } = integrityField(field).read(lines);
    if (size !== undefined) claims.push({ field, section, of: { size } });
    for (const [algorithm, digest] of digests) claims.push({ field, section, of: { algorithm, digest } });
    for (const algorithm of unknown) unsupported.push({ field, section, algorithm });
    for (const fault of faults) malformed.push({ field, section, ...fault });
  }
  return { claims, malformed, unsupported };
}

/** The values of the integrity fields among these lines, in the order of the table. */
function integrityLines(fields: FieldLines): [IntegrityFieldName, string[]][] {
  const found = new Map<IntegrityFieldName, string[]>();
  for (const [name, value] of fields) {
    const field = integrityFieldName(name);
    if (field === undefined) continue;
    const values = found.get(field);
    if (values === undefined) found.set(field, [value]);
    else values.push(value);
  }
  if (found.size < 2) return [...found];
  return integrityFieldNames.flatMap((name): [IntegrityFieldName, string[]][] => {
    const values = found.get(name);
    return values === undefined ? [] : [[name, values]];
  });
}

/**
 * Whether a field of a message covers its content: `content` states whether that is the whole representation
 * or a part, and the header states whether it is coded.
 */
export function speaksOf(field: IntegrityFieldName, header: FieldLines, content: "whole" | "part"): boolean {
  const { covers } = integrityField(field);
  if (covers === "content") return true;
  if (content === "part") return false;
  if (covers === "unencoded representation") return contentCodings(header) === "";
  // Google stores objects coded, and decodes them for clients that do not accept the coding: its hash is of what it stores.
  if (field !== "x-goog-hash" || !header.has("x-goog-stored-content-encoding")) return true;
  return contentCodings(header) === codings(header.list("x-goog-stored-content-encoding"));
}

function contentCodings(header: FieldLines): string {
  return codings(header.list("Content-Encoding"));
}

function codings(list: readonly string[]): string {
  return list
    .map((coding) => coding.toLowerCase())
    .filter((coding) => coding !== "identity")
    .join();
}
