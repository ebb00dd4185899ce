import { parseDictionary } from "structured-headers";

import { type Algorithm, isAlgorithm } from "./algorithms.ts";
import { trimWhitespace } from "./field-syntax.ts";

/**
 * Reads `Want-Content-Digest` or `Want-Repr-Digest` (RFC 9530 section 4): the algorithms known here that are
 * acceptable, most preferred first. It is only a hint: what cannot be parsed, is not an integer from 0 to 10, or is
 * weighted 0 (not acceptable) is left out.
 */
export function parseWantDigest(lines: readonly string[]): Algorithm[] {
  let dictionary;
  try {
    dictionary = parseDictionary(lines.filter((line) => trimWhitespace(line) !== "").join(", "));
  } catch {
    return [];
  }
  const wanted: { algorithm: Algorithm; weight: number }[] = [];
  for (const [key, [weight]] of dictionary) {
    if (!isAlgorithm(key) || typeof weight !== "number") continue;
    if (Number.isInteger(weight) && weight >= 1 && weight <= 10) wanted.push({ algorithm: key, weight });
  }
  // Sorting is stable: among equals the sender's order stands.
  return wanted.toSorted((one, other) => other.weight - one.weight).map(({ algorithm }) => algorithm);
}

/** `md5=10, sha-256=9`: the algorithms in order of preference, at most ten of them told apart. */
export function formatWantDigest(algorithms: readonly Algorithm[]): string {
  return algorithms.map((algorithm, at) => `${algorithm}=${Math.max(1, 10 - at)}`).join(", ");
}
