import { type Algorithm, digestTrailerNames, FieldLines, formatWantDigest } from "@trailsum/shared";

import { isForOneOrigin } from "../transfer/redirects.ts";
import { type FieldsInit, rawFields } from "../dispatcher/request-fields.ts";
import { userAgent } from "../transfer/user-agent.ts";

/**
 * The header of an upload: what announces the digests and asks for the server's own, and the caller's fields, which
 * replace ours of the same name. Credentials stay with the origin that they were given for.
 */
export function uploadFields(
  algorithms: readonly Algorithm[],
  given: FieldsInit | undefined,
  trusted: boolean,
): string[] {
  const own = FieldLines.from([
    ["User-Agent", userAgent],
    ["TE", "trailers"],
    ["Trailer", digestTrailerNames(algorithms).join(", ")],
    // Says which digest to answer with, and so which algorithms to compute while the content arrives.
    ["Want-Repr-Digest", formatWantDigest(algorithms)],
  ]);
  const further = FieldLines.fromRaw(rawFields(given)).without((name) => !trusted && isForOneOrigin(name));
  return [...own.without((name) => further.has(name)).raw, ...further.raw];
}
