import { type FieldLine, FieldLines } from "@trailsum/shared";

import { isForOneOrigin } from "../transfer/redirects.ts";
import { type FieldsInit, rawFields } from "../dispatcher/request-fields.ts";
import { userAgent } from "../transfer/user-agent.ts";

/**
 * The header of an upload: the fields of its delivery mode, and the caller's, which replace ours of the same name.
 * Credentials stay with the origin that they were given for.
 */
export function uploadFields(
  delivery: readonly FieldLine[],
  given: FieldsInit | undefined,
  trusted: boolean,
): string[] {
  const own = FieldLines.from([["User-Agent", userAgent], ...delivery]);
  const further = FieldLines.fromRaw(rawFields(given)).without((name) => !trusted && isForOneOrigin(name));
  return [...own.without((name) => further.has(name)).raw, ...further.raw];
}
