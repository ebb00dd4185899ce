import { type Algorithm, algorithms, isAlgorithm, isDigestFieldAlgorithm, strengthOf } from "./algorithms.ts";
import { TrailsumError } from "./errors.ts";
import type { Claim } from "./claims.ts";
import { type IntegrityFieldName, integrityFieldName } from "./integrity-fields.ts";

/**
 * What content must be verified by: an integrity field, which must be there and hold; or an algorithm, as the least
 * strength of a digest: `sha-256` is met by a sha-256 or a sha-512 digest, in any field.
 */
export type Requirement = IntegrityFieldName | Algorithm;

/**
 * The requirements of these names, in any case: `md5` is the field `Md5`, `sha-256` an algorithm. `USAGE` with a sentence
 * that lists the known ones otherwise.
 */
export function parseRequirements(names: readonly string[]): Requirement[] {
  return names.map((given) => {
    const name = given.trim().toLowerCase();
    const requirement = integrityFieldName(name) ?? (isDigestFieldAlgorithm(name) ? name : undefined);
    if (requirement !== undefined) return requirement;
    throw new TrailsumError(
      "USAGE",
      `"${given}" cannot be required: use fields such as Md5, Size, Content-Digest or Repr-Digest, or sha-256 or sha-512`,
    );
  });
}

/** Of several algorithms the one that demands least: what is met by a digest of any of them, or of a stronger one. */
export function weakestAlgorithm(given: readonly Algorithm[]): Algorithm | undefined {
  return given.toSorted((one, other) => strengthOf(one) - strengthOf(other))[0];
}

/** The algorithms whose digests meet a requirement; none for a field. */
export function algorithmsThatMeet(requirement: Requirement): Algorithm[] {
  if (!isAlgorithm(requirement)) return [];
  return algorithms.filter((algorithm) => strengthOf(algorithm) >= strengthOf(requirement));
}

/** Whether a claim that was checked meets a requirement. */
export function meets({ field, of }: Claim, requirement: Requirement): boolean {
  if (!isAlgorithm(requirement)) return field === requirement;
  return "algorithm" in of && isAsStrong(of, requirement);
}

/** Whether a digest is at least as strong as a requirement demands; never for one that names a field. */
export function isAsStrong({ algorithm }: { readonly algorithm: Algorithm }, requirement: Requirement): boolean {
  return isAlgorithm(requirement) && strengthOf(algorithm) >= strengthOf(requirement);
}
