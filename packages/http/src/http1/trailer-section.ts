import { sameFieldName } from "@trailsum/shared";

import { parseFieldSection } from "./field-section.ts";
import { sectionEnd } from "./section-end.ts";
import { SyntaxFault } from "./syntax-fault.ts";

const CR = 0x0d;
const LF = 0x0a;

/** What follows the last chunk. */
export interface TrailerSection {
  /** Name, value, name, value, ... */
  readonly raw: string[];
  /** The position after its empty line. */
  readonly end: number;
}

/** How much is taken for a trailer section. */
export interface TrailerSectionLimits {
  /** The most bytes, its empty line not counted. */
  readonly maxTrailerSize: number;
  readonly maxFields: number;
}

/**
 * Reads the trailer section that begins at `start` (RFC 9112 section 7.1.2); nothing where it is cut. What comes before
 * `from` has been searched already. Throws a {@link SyntaxFault} for a malformed or too large section, and
 * for fields that say how long the content is: after it they have no honest use (RFC 9110 section 6.5.1).
 */
export function readTrailerSection(
  bytes: Buffer,
  start: number,
  limits: TrailerSectionLimits,
  from: number = start,
): TrailerSection | undefined {
  if (bytes[start] === CR && start + 1 < bytes.length) {
    if (bytes[start + 1] !== LF) throw new SyntaxFault("a bare CR in the trailer section", "STRICT");
    return { raw: [], end: start + 2 };
  }
  const end = sectionEnd(bytes, start, limits.maxTrailerSize, from);
  if (end === undefined) return undefined;
  const raw = parseFieldSection(bytes, start, end + 2, limits.maxFields);
  refuseFramingFields(raw);
  return { raw, end: end + 4 };
}

function refuseFramingFields(raw: readonly string[]): void {
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!;
    if (sameFieldName(name, "content-length") || sameFieldName(name, "transfer-encoding")) {
      throw new SyntaxFault(`${name} in a trailer section`, "INVALID_HEADER_TOKEN");
    }
  }
}
