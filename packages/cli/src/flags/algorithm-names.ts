import { type Algorithm, parseAlgorithm } from "@trailsum/shared";

/** Names by which algorithms are known outside HTTP. */
const ALIASES: Readonly<Record<string, Algorithm>> = {
  sha1: "sha",
  "sha-1": "sha",
  sha256: "sha-256",
  sha512: "sha-512",
};

/** The algorithm of a name as a user writes it: `sha-256` or `sha256`. Throws `UNKNOWN_ALGORITHM`. */
export function algorithmNamed(name: string): Algorithm {
  const lower = name.toLowerCase();
  return Object.hasOwn(ALIASES, lower) ? ALIASES[lower]! : parseAlgorithm(name);
}
