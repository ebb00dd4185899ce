import { type Algorithm } from "./algorithms.ts";
import { type Digests } from "./digester.ts";
import { formatDigestField, namedAlgorithms, parseDigestField } from "./digest-fields.ts";
import { FieldLines } from "./field-lines.ts";
import { sameFieldName } from "./field-syntax.ts";
import { formatMd5, parseContentMd5, parseMd5, parseSize } from "./size-and-md5.ts";

/** The fields that say what the content must be, in the case in which they are sent. */
export const integrityFieldNames = ["Md5", "Size", "Content-Digest", "Repr-Digest", "Content-MD5"] as const;

/** The name of a field that says what the content must be. */
export type IntegrityFieldName = (typeof integrityFieldNames)[number];

/** Where a field line stood. Header and trailer are never merged. */
export type Section = "header" | "trailer";

/** One thing that a message claims of its content. */
export interface Claim {
  readonly field: IntegrityFieldName;
  readonly section: Section;
  /** What is claimed: the digest of an algorithm, or the number of bytes. */
  readonly of: { readonly algorithm: Algorithm; readonly digest: Buffer } | { readonly size: number };
}

/** A claim that could not be understood. */
export interface MalformedClaim {
  readonly field: IntegrityFieldName;
  readonly section: Section;
  readonly algorithm?: Algorithm;
  readonly reason: string;
}

/** A digest of an algorithm that is not known here, or was not computed. */
export interface UnsupportedClaim {
  readonly field: IntegrityFieldName;
  readonly section: Section;
  readonly algorithm: string;
}

/** What the integrity fields of one section say. */
export interface Claims {
  readonly claims: readonly Claim[];
  readonly malformed: readonly MalformedClaim[];
  readonly unsupported: readonly UnsupportedClaim[];
}

/** The integrity field of that name, in any case. */
export function integrityFieldName(name: string): IntegrityFieldName | undefined {
  return integrityFieldNames.find((known) => sameFieldName(known, name));
}

/** Reads every integrity field of a header or trailer section. */
export function readClaims(fields: FieldLines, section: Section): Claims {
  const claims: Claim[] = [];
  const malformed: MalformedClaim[] = [];
  const unsupported: UnsupportedClaim[] = [];
  for (const field of integrityFieldNames) {
    const lines = fields.getAll(field);
    if (lines.length === 0) continue;
    if (field === "Size") {
      const size = parseSize(lines);
      if ("fault" in size) malformed.push({ field, section, reason: size.fault });
      else claims.push({ field, section, of: { size: size.value } });
    } else if (field === "Md5" || field === "Content-MD5") {
      const md5 = field === "Md5" ? parseMd5(lines) : parseContentMd5(lines);
      if ("fault" in md5) malformed.push({ field, section, algorithm: "md5", reason: md5.fault });
      else claims.push({ field, section, of: { algorithm: "md5", digest: md5.value } });
    } else {
      const { digests, unknown, faults } = parseDigestField(lines);
      for (const [algorithm, digest] of digests) claims.push({ field, section, of: { algorithm, digest } });
      for (const algorithm of unknown) unsupported.push({ field, section, algorithm });
      for (const fault of faults) malformed.push({ field, section, ...fault });
    }
  }
  return { claims, malformed, unsupported };
}

/** The integrity fields among the names that a `Trailer` field announces (RFC 9110 section 6.6.2). */
export function announcedIntegrityFields(header: FieldLines): IntegrityFieldName[] {
  const announced = new Set<IntegrityFieldName>();
  for (const name of header.list("Trailer")) {
    const field = integrityFieldName(name);
    if (field !== undefined) announced.add(field);
  }
  return [...announced];
}

/** The algorithms that the integrity fields of a header section name, and so must be computed to check them. */
export function algorithmsInHeader(header: FieldLines): Algorithm[] {
  const md5: Algorithm[] = header.has("Md5") || header.has("Content-MD5") ? ["md5"] : [];
  return [...new Set([...md5, ...digestFieldAlgorithms(header)])];
}

/** The algorithms of its `Content-Digest` and `Repr-Digest` fields. */
export function digestFieldAlgorithms(header: FieldLines): Algorithm[] {
  return ["Content-Digest", "Repr-Digest"].flatMap((field) => namedAlgorithms(header.getAll(field)));
}

/** The names of the trailer fields that {@link digestTrailers} gives: what a sender announces. */
export function digestTrailerNames(algorithms: readonly Algorithm[]): IntegrityFieldName[] {
  const digest: IntegrityFieldName[] = algorithms.length > 0 ? ["Content-Digest"] : [];
  return algorithms.includes("md5") ? ["Md5", "Size", ...digest] : ["Size", ...digest];
}

/**
 * The trailer fields that say what was sent: `Md5` and `Size` for the article's server, `Content-Digest` for one that
 * knows RFC 9530.
 */
export function digestTrailers(digests: Digests): FieldLines {
  const algorithms = [...digests.values.keys()];
  const md5 = digests.values.get("md5");
  return FieldLines.from(
    digestTrailerNames(algorithms).map((name) => {
      if (name === "Md5" && md5 !== undefined) return [name, formatMd5(md5)];
      if (name === "Size") return [name, String(digests.size)];
      return [name, formatDigestField(digests)];
    }),
  );
}
