import type { Algorithm } from "./algorithms.ts";
import { formatDigestField } from "./digest-fields.ts";
import type { Digests } from "./digester.ts";
import { FieldLines } from "./field-lines.ts";
import type { IntegrityFieldName } from "./integrity-fields.ts";
import { formatMd5 } from "./size-and-md5.ts";

/** The names of the trailer fields that {@link digestTrailers} gives: what a sender announces. */
export function digestTrailerNames(algorithms: readonly Algorithm[]): IntegrityFieldName[] {
  const digest: IntegrityFieldName[] = algorithms.length > 0 ? ["Content-Digest"] : [];
  return algorithms.includes("md5") ? ["Md5", "Size", ...digest] : ["Size", ...digest];
}

/**
 * The trailer fields that say what was sent: `Md5` and `Size` for the article's server, `Content-Digest` for one that
 * knows RFC 9530.
 */
export function digestTrailers(digests: Digests): FieldLines {
  const algorithms = [...digests.values.keys()];
  const md5 = digests.values.get("md5");
  return FieldLines.from(
    digestTrailerNames(algorithms).map((name) => {
      if (name === "Md5" && md5 !== undefined) return [name, formatMd5(md5)];
      if (name === "Size") return [name, String(digests.size)];
      return [name, formatDigestField(digests)];
    }),
  );
}
