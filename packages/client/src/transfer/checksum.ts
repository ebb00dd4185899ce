import { type Algorithm, digestLength, parseAlgorithm, TrailsumError } from "@trailsum/shared";

/** Digests that content must have, by algorithm: hexadecimal digits in either case, or bytes. */
export type Checksum = Readonly<Partial<Record<Algorithm, string | Uint8Array>>>;

/** The digests of a checksum. Throws `UNKNOWN_ALGORITHM`, or `USAGE` for a value of the wrong length. */
export function expectedDigests(checksum: Checksum = {}): ReadonlyMap<Algorithm, Buffer> {
  return new Map(
    Object.entries(checksum).map(([name, value]) => {
      const algorithm = parseAlgorithm(name);
      return [algorithm, digestOf(algorithm, value)];
    }),
  );
}

function digestOf(algorithm: Algorithm, value: string | Uint8Array): Buffer {
  const length = digestLength(algorithm);
  const isHex = typeof value !== "string" || /^[0-9a-f]*$/i.test(value);
  const digest = typeof value === "string" ? Buffer.from(value, "hex") : Buffer.from(value);
  if (isHex && digest.length === length && (typeof value !== "string" || value.length === length * 2)) return digest;
  throw new TrailsumError("USAGE", `a ${algorithm} checksum has ${length * 2} hexadecimal digits`);
}
