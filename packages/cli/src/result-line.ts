import { type Algorithm, type Digests, strengthOf } from "@trailsum/shared";

import type { FilePath } from "./files/file-path.ts";
import { sumsLine } from "./files/sums-file.ts";

/**
 * `<hex digest>  <name>`, as md5sum and sha256sum print it, so that `md5sum -c` or `sha256sum -c` can check it:
 * the name is written byte for byte. The digest is the first of those that were chosen; without a choice, md5 where it was
 * computed, and otherwise the strongest.
 */
export function digestLine(digests: Digests, path: FilePath, chosen: readonly Algorithm[] = []): Buffer {
  const strongestFirst = [...digests.values.keys()].toSorted((one, other) => strengthOf(other) - strengthOf(one));
  const algorithm = [...chosen, "md5" as const, ...strongestFirst].find((name) => digests.values.has(name));
  return sumsLine((algorithm && digests.values.get(algorithm)) ?? Buffer.alloc(0), path);
}

/** Digests as an object for JSON: lower-case hex by algorithm. */
export function hexDigests(digests: Digests): Record<string, string> {
  return Object.fromEntries([...digests.values].map(([algorithm, value]) => [algorithm, value.toString("hex")]));
}
