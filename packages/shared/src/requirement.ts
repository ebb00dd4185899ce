import { type Algorithm, algorithms, isAlgorithm } from "./algorithms.ts";
import { TrailsumError } from "./errors.ts";
import { type Claim, type IntegrityFieldName, integrityFieldName, integrityFieldNames } from "./integrity-fields.ts";

/**
 * What content must be verified by: an integrity field, which must be there and hold; or an algorithm, as the least
 * strength of a digest: `sha-256` is met by a sha-256 or a sha-512 digest, in any field.
 */
export type Requirement = IntegrityFieldName | Algorithm;

/** What it takes to forge a digest, as a rank: checksums, then broken hash functions, then those that hold. */
const strength: Readonly<Record<Algorithm, number>> = {
  crc32: 0,
  crc32c: 0,
  crc64nvme: 0,
  md5: 1,
  sha: 2,
  "sha-256": 3,
  "sha-512": 4,
};

/**
 * The requirements of these names, in any case: `md5` is the field `Md5`, `sha-256` an algorithm. `USAGE` with a sentence
 * that lists the known ones otherwise.
 */
export function parseRequirements(names: readonly string[]): Requirement[] {
  return names.map((given) => {
    const name = given.trim().toLowerCase();
    const requirement = integrityFieldName(name) ?? (isAlgorithm(name) ? name : undefined);
    if (requirement !== undefined) return requirement;
    const fields = integrityFieldNames.join(", ");
    throw new TrailsumError("USAGE", `"${given}" cannot be required: use ${fields}, sha-256 or sha-512`);
  });
}

/** Of several algorithms the one that demands least: what is met by a digest of any of them, or of a stronger one. */
export function weakestAlgorithm(given: readonly Algorithm[]): Algorithm | undefined {
  return given.toSorted((one, other) => strength[one] - strength[other])[0];
}

/** The algorithms whose digests meet a requirement; none for a field. */
export function algorithmsThatMeet(requirement: Requirement): Algorithm[] {
  if (!isAlgorithm(requirement)) return [];
  return algorithms.filter((algorithm) => strength[algorithm] >= strength[requirement]);
}

/** Whether a claim that was checked meets a requirement. */
export function meets({ field, of }: Claim, requirement: Requirement): boolean {
  if (!isAlgorithm(requirement)) return field === requirement;
  return "algorithm" in of && isAsStrong(of, requirement);
}

/** Whether a digest is at least as strong as a requirement demands; never for one that names a field. */
export function isAsStrong({ algorithm }: { readonly algorithm: Algorithm }, requirement: Requirement): boolean {
  return isAlgorithm(requirement) && strength[algorithm] >= strength[requirement];
}
