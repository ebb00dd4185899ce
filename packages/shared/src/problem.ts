import { algorithms, isAlgorithm } from "./algorithms.ts";
import { type ErrorCode, errorTable, TrailsumError } from "./errors.ts";
import { algorithmsThatMeet } from "./requirement.ts";
import type { CheckedClaim, Verdict } from "./verdict.ts";

/** A problem document, `application/problem+json` (RFC 9457). */
export interface ProblemDetails {
  /** The problem type: a URI, or `about:blank` (RFC 9457 section 3.1.1). */
  readonly type: string;
  /** The summary of the problem type. */
  readonly title: string;
  /** The status code of the response. */
  readonly status: number;
  /** What happened in this case, as a sentence. */
  readonly detail: string;
  readonly [extension: string]: unknown;
}

/** The media type of a problem document. */
export const problemMediaType = "application/problem+json";

/**
 * The error that a verdict other than `verified` amounts to, with a sentence that says which fields led to it. Its
 * `extensions` are the members that draft-ietf-httpapi-digest-fields-problem-types gives each type. What was computed is
 * never in it: telling it would let a sender shape content towards a digest.
 */
export function verdictError(verdict: Verdict): TrailsumError {
  const failed = verdict.checked.filter((claim) => !claim.holds);
  const extensions = {
    verdict: verdict.name,
    ...list("mismatched_digests", failed.flatMap(mismatchedDigest)),
    ...list("mismatched_sizes", failed.flatMap(mismatchedSize)),
    ...list(
      "invalid_digests",
      verdict.malformed.map(({ algorithm, field, reason }) => ({
        ...(algorithm && { algorithm }),
        header: field,
        reason,
      })),
    ),
    ...list("missing_fields", verdict.missing),
    ...list(
      "unsupported_algorithms",
      verdict.unsupported.map(({ algorithm, field }) => ({ algorithm, header: field })),
    ),
  };
  return new TrailsumError(verdictCode(verdict), verdictSentence(verdict), { extensions });
}

/** The problem document for content that was refused by its verdict. */
export function verdictProblem(verdict: Verdict): ProblemDetails {
  return errorProblem(verdictError(verdict));
}

/**
 * The problem document for an error that has an HTTP status; any other becomes a bare 500. So does an internal one: its
 * message may contain paths and is for the log only.
 */
export function errorProblem(error: TrailsumError): ProblemDetails {
  const internal = error.status === undefined || error.code === "INTERNAL";
  const { meaning, type = "about:blank" } = internal ? errorTable.INTERNAL : error.meaning;
  const problem = { type, title: sentence(meaning), status: error.status ?? 500 };
  return internal ? { ...problem, detail: meaning } : { ...error.extensions, ...problem, detail: error.message };
}

/** The error code for the type of a problem document, if the type is one of ours or a registered one. */
export function problemCode(type: string): ErrorCode | undefined {
  if (type === "about:blank") return undefined;
  const known = Object.entries(errorTable).find(([, row]) => "type" in row && row.type === type);
  // The table's keys are the codes; Object.entries forgets that.
  return known?.[0] as ErrorCode | undefined;
}

function verdictCode(verdict: Verdict): ErrorCode {
  switch (verdict.name) {
    case "malformed":
      return "DIGEST_MALFORMED";
    case "mismatched":
      return verdict.checked.some((claim) => !claim.holds && "digest" in claim.of) ||
        verdict.expected.some(({ holds }) => !holds)
        ? "DIGEST_MISMATCHED"
        : "SIZE_MISMATCHED";
    case "missing":
      return "DIGEST_MISSING";
    default:
      return verdict.unsupported.length > 0 ? "DIGEST_UNSUPPORTED" : "DIGEST_UNVERIFIED";
  }
}

function verdictSentence(verdict: Verdict): string {
  switch (verdict.name) {
    case "verified":
      return "the content is what it was announced to be";
    case "malformed":
      return verdict.malformed.map(({ field, section, reason }) => `${field} in the ${section}: ${reason}`).join("; ");
    case "mismatched":
      return `the content is not what was sent: what arrived does not match ${failedClaims(verdict)}`;
    case "missing":
      return missingSentence(verdict);
    case "unverified":
      return verdict.unsupported.length > 0
        ? `nothing to verify the content by: ${unsupportedAlgorithms(verdict)}`
        : "no digest was sent to verify the content: send Md5, Content-Digest or Repr-Digest, as a trailer or a header field";
  }
}

function missingSentence(verdict: Verdict): string {
  const strength = verdict.missing.find((requirement) => isAlgorithm(requirement));
  if (strength !== undefined) {
    const enough = algorithmsThatMeet(strength).join(" or ");
    return `no digest that is strong enough could be checked: a ${enough} digest is required`;
  }
  const useless = new Set(verdict.unsupported.map(({ field }) => field));
  const absent = verdict.missing.filter((field) => isAlgorithm(field) || !useless.has(field));
  // What is required may have come, and only by algorithms that are of no use here: then no proxy is to blame.
  return absent.length > 0
    ? `${absent.join(", ")} did not arrive, though announced or required: a proxy on the way may have dropped trailers`
    : `${verdict.missing.join(", ")} came without a digest of any use: ${unsupportedAlgorithms(verdict)}`;
}

function unsupportedAlgorithms({ unsupported }: Verdict): string {
  const names = new Set(unsupported.map(({ algorithm }) => algorithm));
  const others = algorithms.filter((algorithm) => !names.has(algorithm));
  return `${[...names].join(", ")} cannot be checked here; use one of ${others.join(", ")}`;
}

function failedClaims(verdict: Verdict): string {
  const claims = verdict.checked
    .filter((claim) => !claim.holds)
    .map((claim) =>
      "algorithm" in claim.of && claim.field !== "Md5" ? `${claim.field} (${claim.of.algorithm})` : claim.field,
    );
  const digests = verdict.expected
    .filter(({ holds }) => !holds)
    .map(({ algorithm }) => `the ${algorithm} checksum that was asked for`);
  return [...digests, ...claims].join(", ");
}

function mismatchedDigest({ field, of }: CheckedClaim): object[] {
  if (!("digest" in of)) return [];
  return [{ algorithm: of.algorithm, provided_digest: `:${of.digest.toString("base64")}:`, header: field }];
}

function mismatchedSize({ field, of }: CheckedClaim): object[] {
  return "size" in of ? [{ provided_size: of.size, header: field }] : [];
}

function list(name: string, members: readonly unknown[]): Record<string, readonly unknown[]> {
  return members.length > 0 ? { [name]: members } : {};
}

function sentence(phrase: string): string {
  return phrase.charAt(0).toUpperCase() + phrase.slice(1);
}
