import { type Algorithm, allAlgorithms, strengthOf } from "./algorithms.ts";
import { type Claim, type MalformedClaim, readClaims, speaksOf, type UnsupportedClaim } from "./claims.ts";
import { type Digests } from "./digester.ts";
import { FieldLines } from "./field-lines.ts";
import { announcedIntegrityFields, type IntegrityFieldName, integrityFieldNames } from "./integrity-fields.ts";
import { isAsStrong, meets, type Requirement } from "./requirement.ts";

/**
 * The result for content that arrived completely:
 * `verified`, every claim holds and nothing required is absent; `mismatched`, a claim does not hold; `missing`, a field that
 * was announced or is required did not arrive; `malformed`, a claim cannot be parsed; `unverified`, there was no digest
 * to check. Content that did not arrive whole has no verdict: its transfer failed.
 */
export type VerdictName = "verified" | "mismatched" | "missing" | "malformed" | "unverified";

/** A claim that was compared with what was computed. */
export interface CheckedClaim extends Claim {
  /** Whether what was computed is what it says. */
  readonly holds: boolean;
}

/** A digest that was known beforehand, and whether the content has it. */
export interface CheckedDigest {
  /** The algorithm of the digest. */
  readonly algorithm: Algorithm;
  /** The digest that was claimed. */
  readonly digest: Buffer;
  /** Whether it is the digest of the content. */
  readonly holds: boolean;
}

/** A verdict, and everything that led to it. */
export interface Verdict {
  /** What was found. */
  readonly name: VerdictName;
  /** The algorithms whose digests were compared and held, the strongest first. */
  readonly algorithms: readonly Algorithm[];
  /** Every claim that could be compared. */
  readonly checked: readonly CheckedClaim[];
  /** The digests that the receiver knew beforehand. */
  readonly expected: readonly CheckedDigest[];
  /** Fields that were announced and never came, and requirements that nothing met. */
  readonly missing: readonly Requirement[];
  /** Claims that cannot be parsed. */
  readonly malformed: readonly MalformedClaim[];
  /** Digests of unknown algorithms. They have no effect on the verdict. */
  readonly unsupported: readonly UnsupportedClaim[];
  /** What the receiver computed. Never sent to a peer whose claim did not hold. */
  readonly computed: Digests;
}

/** What a verdict is made from. */
export interface Evidence {
  /** The header section of the message. */
  readonly header: FieldLines;
  /** Its trailer section; absent where none came. */
  readonly trailer?: FieldLines;
  /** What was computed over the content. */
  readonly computed: Digests;
  /**
   * Digests that the receiver knows beforehand, from a source that it trusts more than the message. The content must
   * have all of them, and is then verified even if announced fields did not arrive.
   * @default none
   */
  readonly expected?: ReadonlyMap<Algorithm, Buffer> | undefined;
  /** What must be met by a claim in the header or the trailer section. @default none */
  readonly require?: readonly Requirement[];
  /**
   * Whether the content is the whole representation or a part of one, as in a 206: then `Repr-Digest` and other fields
   * that cover something else are ignored (RFC 9530 section 3).
   * @default "whole"
   */
  readonly content?: "whole" | "part";
  /**
   * The algorithms that this receiver checks by its own choice. A claim of another is left aside. A claim of one of these
   * that was not computed may be the wrong one: it leaves the content unverified, unless a digest that is at least as
   * strong held.
   * @default every one known
   */
  readonly supported?: readonly Algorithm[];
}

/**
 * Decides the verdict on some content from what was announced, received and computed. It is the only place
 * where that is decided, for requests and responses, on every hop.
 *
 * If several verdicts apply, the first of malformed, mismatched, missing wins: a malformed claim is malformed again
 * when it is resent.
 */
export function decideVerdict(evidence: Evidence): Verdict {
  const { header, trailer = FieldLines.empty, computed, require = [], content = "whole" } = evidence;
  const { supported = allAlgorithms } = evidence;
  const applies = ({ field }: { field: IntegrityFieldName }) => speaksOf(field, header, content);
  const sections = [readClaims(header, "header"), readClaims(trailer, "trailer")];
  const claims = sections.flatMap((section) => section.claims.filter(applies));
  const malformed = sections.flatMap((section) => section.malformed.filter(applies));
  const unsupported = sections.flatMap((section) => section.unsupported.filter(applies));

  // In either section: a hop may merge trailers into the header (RFC 9530 section 2, RFC 9110 section 6.5.1). A digest field
  // without a member is there and says nothing: it counts as dropped.
  const came = new Set([...claims, ...malformed, ...unsupported].map(({ field }) => field));

  const checked: CheckedClaim[] = [];
  const unchecked: Algorithm[] = [];
  for (const claim of claims) {
    const holds = compare(claim, computed);
    if (holds !== undefined) checked.push({ ...claim, holds });
    else if ("algorithm" in claim.of) {
      unsupported.push({ field: claim.field, section: claim.section, algorithm: claim.of.algorithm });
      if (supported.includes(claim.of.algorithm)) unchecked.push(claim.of.algorithm);
    }
  }
  malformed.push(...conflicts(claims));

  const expected = Array.from(evidence.expected ?? [], ([algorithm, digest]) => ({
    algorithm,
    digest,
    holds: computed.values.get(algorithm)?.equals(digest) === true,
  }));
  const missing = new Set<Requirement>(
    announcedIntegrityFields(header).filter((field) => expected.length === 0 && applies({ field }) && !came.has(field)),
  );
  for (const needed of require) {
    const isMet = checked.some((claim) => meets(claim, needed)) || expected.some((one) => isAsStrong(one, needed));
    if (!isMet) missing.add(needed);
  }

  const held = heldAlgorithms([...checked.map(({ holds, of }) => ({ ...of, holds })), ...expected]);
  const strongest = strengthOf(held[0] ?? "crc32");
  const unproven = unchecked.some((algorithm) => strengthOf(algorithm) > strongest);
  return {
    name: nameVerdict([...checked, ...expected], {
      missing: missing.size > 0,
      malformed: malformed.length > 0,
      verifiable: expected.length > 0 || (held.length > 0 && !unproven),
    }),
    algorithms: held,
    checked,
    expected,
    missing: [...missing],
    malformed,
    unsupported,
    computed,
  };
}

/** The fields by which a verdict was reached that held, each once, always in one order: `Md5`, `Size`, ... */
export function verifyingFields(verdict: Verdict): IntegrityFieldName[] {
  return integrityFieldNames.filter((name) => verdict.checked.some(({ field, holds }) => holds && field === name));
}

interface CheckedValue {
  readonly algorithm?: Algorithm;
  readonly holds: boolean;
}

function heldAlgorithms(checked: readonly CheckedValue[]): Algorithm[] {
  const held = checked.flatMap(({ holds, algorithm }) => (holds && algorithm !== undefined ? [algorithm] : []));
  return [...new Set(held)].toSorted((one, other) => strengthOf(other) - strengthOf(one));
}

function nameVerdict(
  checked: readonly { readonly holds: boolean }[],
  { missing, malformed, verifiable }: { missing: boolean; malformed: boolean; verifiable: boolean },
): VerdictName {
  if (malformed) return "malformed";
  if (checked.some(({ holds }) => !holds)) return "mismatched";
  if (missing) return "missing";
  // A right number of bytes says nothing about which bytes: without a digest nothing is verified.
  return verifiable ? "verified" : "unverified";
}

function compare({ of }: Claim, computed: Digests): boolean | undefined {
  if ("size" in of) return of.size === computed.size;
  return computed.values.get(of.algorithm)?.equals(of.digest);
}

/** One field in header and trailer with different values: it is ambiguous. */
function conflicts(claims: readonly Claim[]): MalformedClaim[] {
  const reason = "differs between header and trailer";
  return claims
    .filter((claim) => claim.section === "trailer")
    .filter((claim) => claims.some((other) => other.section === "header" && contradicts(claim, other)))
    .map(({ field, section, of }) =>
      "algorithm" in of ? { field, section, algorithm: of.algorithm, reason } : { field, section, reason },
    );
}

function contradicts(one: Claim, other: Claim): boolean {
  if (one.field !== other.field) return false;
  if ("size" in one.of) return "size" in other.of && one.of.size !== other.of.size;
  return "digest" in other.of && one.of.algorithm === other.of.algorithm && !one.of.digest.equals(other.of.digest);
}
