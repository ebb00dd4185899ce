import { type Algorithm, isAlgorithm, TrailsumError } from "@trailsum/shared";

import { algorithmNamed } from "./algorithm-names.ts";

/** `--checksum`. */
export const checksumFlag = {
  type: "string",
  array: true,
  describe: "keep the content only if it has this digest: sha-256=HEX (repeatable)",
} as const;

/** Its values: hexadecimal digits by algorithm. Throws `USAGE` or `UNKNOWN_ALGORITHM` for invalid ones. */
export function checksums(given: readonly string[] = []): Partial<Record<Algorithm, string>> {
  const checksum: Partial<Record<Algorithm, string>> = {};
  for (const text of given) {
    const [, name = "", hex = ""] = /^([\w-]+)[=:]([0-9a-f]+)$/i.exec(text) ?? [];
    if (hex === "")
      throw new TrailsumError("USAGE", `${JSON.stringify(text)} is not a checksum: write --checksum sha-256=HEX`);
    const lower = name.toLowerCase();
    const algorithm = isAlgorithm(lower) ? lower : algorithmNamed(name);
    const other = checksum[algorithm];
    if (other !== undefined && other.toLowerCase() !== hex.toLowerCase())
      throw new TrailsumError("USAGE", `two different ${algorithm} checksums were given`);
    checksum[algorithm] = hex;
  }
  return checksum;
}
