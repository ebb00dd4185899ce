import { parseDictionary } from "structured-headers";

import { type Algorithm, algorithms, isDigestFieldAlgorithm, preferenceWeight } from "./algorithms.ts";
import type { FieldLines } from "./field-lines.ts";
import { trimWhitespace } from "./field-syntax.ts";

interface WantedAlgorithm {
  readonly algorithm: Algorithm;
  readonly weight: number;
}

/**
 * Reads `Want-Content-Digest` or `Want-Repr-Digest` (RFC 9530 section 4): the algorithms known here that are
 * acceptable, most preferred first. It is only a hint: what cannot be parsed, is not an integer from 0 to 10, or is
 * weighted 0 (not acceptable) is left out.
 */
export function parseWantDigest(lines: readonly string[]): Algorithm[] {
  return wantedAlgorithms(lines).map(({ algorithm }) => algorithm);
}

/** The algorithms that `Want-Repr-Digest` and `Want-Content-Digest` name, in this order, most preferred first. */
export function algorithmsWanted(header: FieldLines): Algorithm[] {
  const wanted = ["Want-Repr-Digest", "Want-Content-Digest"].flatMap((field) => parseWantDigest(header.getAll(field)));
  return [...new Set(wanted)];
}

/**
 * Of the algorithms that can be given, those that a message asks for with the highest weight, in `Want-Repr-Digest` and
 * `Want-Content-Digest` together. Empty where it asks for none of them.
 */
export function mostWanted(header: FieldLines, available: readonly Algorithm[]): Algorithm[] {
  const wanted = ["Want-Repr-Digest", "Want-Content-Digest"]
    .flatMap((field) => wantedAlgorithms(header.getAll(field)))
    .filter(({ algorithm }) => available.includes(algorithm));
  const highest = Math.max(...wanted.map(({ weight }) => weight));
  return [...new Set(wanted.filter(({ weight }) => weight === highest).map(({ algorithm }) => algorithm))];
}

/**
 * The value of a field that asks for these algorithms, by fixed preferences: `sha-256=10, sha-512=9`, the CRCs, md5 last.
 * Those of `first` are asked for before all others.
 */
export function formatWantDigest(wanted: readonly Algorithm[] = algorithms, first: readonly Algorithm[] = []): string {
  const weights = new Map<Algorithm, number>(first.filter(isDigestFieldAlgorithm).map((algorithm) => [algorithm, 10]));
  for (const algorithm of wanted.filter(isDigestFieldAlgorithm)) {
    const weight = preferenceWeight(algorithm);
    if (!weights.has(algorithm)) weights.set(algorithm, first.length > 0 ? Math.min(weight, 9) : weight);
  }
  const ordered = [...weights].toSorted(([, one], [, other]) => other - one);
  return ordered.map(([algorithm, weight]) => `${algorithm}=${weight}`).join(", ");
}

function wantedAlgorithms(lines: readonly string[]): WantedAlgorithm[] {
  let dictionary;
  try {
    dictionary = parseDictionary(lines.filter((line) => trimWhitespace(line) !== "").join(", "));
  } catch {
    return [];
  }
  const wanted: WantedAlgorithm[] = [];
  for (const [key, [weight]] of dictionary) {
    if (!isDigestFieldAlgorithm(key) || typeof weight !== "number") continue;
    if (Number.isInteger(weight) && weight >= 1 && weight <= 10) wanted.push({ algorithm: key, weight });
  }
  // Sorting is stable: equal preferences keep the sender's order.
  return wanted.toSorted((one, other) => other.weight - one.weight);
}
