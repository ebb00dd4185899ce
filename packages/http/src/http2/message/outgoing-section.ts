import { type FieldLines, TrailsumError } from "@trailsum/shared";

import { fieldFault } from "./field-kind.ts";

/**
 * The lines of a section to send: name, value, name, value, ..., with names in lower case (RFC 9113 section 8.2). Throws a
 * `TrailsumError` with USAGE for a line that may not be sent over HTTP/2: fields of a connection have to be removed before.
 */
export function outgoingLines({ raw }: FieldLines): readonly string[] {
  let lines: string[] | undefined;
  for (let at = 0; at < raw.length; at += 2) {
    const given = raw[at]!;
    const name = given.toLowerCase();
    const fault = fieldFault(name, raw[at + 1]!);
    if (fault !== undefined) throw new TrailsumError("USAGE", `${fault} cannot be sent over HTTP/2`);
    if (name === given) continue;
    lines ??= [...raw];
    lines[at] = name;
  }
  return lines ?? raw;
}
