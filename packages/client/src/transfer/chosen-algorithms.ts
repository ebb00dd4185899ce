import { type Algorithm, parseAlgorithm, TrailsumError } from "@trailsum/shared";

/** Which digests a sender computes, in one pass. */
export interface DigestOptions {
  /**
   * The algorithms of `Content-Digest`, besides md5.
   * @default ["sha-256"]
   */
  readonly algorithms?: readonly Algorithm[] | undefined;
  /**
   * Whether md5 is also computed and sent as `Md5` for servers that compare that. It detects accidents, not attacks.
   * @default true
   */
  readonly md5?: boolean | undefined;
}

/**
 * The algorithms that a sender computes: those of the option `algorithms` first.
 *
 * @throws `UNKNOWN_ALGORITHM` for an unknown name, `USAGE` if no algorithm is left or md5 is both chosen and off.
 */
export function chosenAlgorithms({ algorithms = ["sha-256"], md5 = true }: DigestOptions): Algorithm[] {
  const chosen = new Set(algorithms.map((name) => parseAlgorithm(name)));
  if (md5) chosen.add("md5");
  else if (chosen.has("md5")) throw new TrailsumError("USAGE", "md5 cannot be both chosen and switched off");
  if (chosen.size === 0) throw new TrailsumError("USAGE", "without md5, choose at least one digest algorithm");
  return [...chosen];
}
