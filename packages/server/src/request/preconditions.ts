import { type Digests, type FieldLines, parseHttpDate } from "@trailsum/shared";

/** What a representation is recognised by (RFC 9110 section 8.8). */
export interface Validators {
  /** Its strong entity tag, with the quotes; undefined if it is not known. */
  readonly entityTag: string | undefined;
  /** When it was last modified, to the second. */
  readonly lastModified: Date;
}

/** The preconditions of a request (RFC 9110 section 13.1), as they were sent. */
export interface Preconditions {
  readonly ifMatch: TagList | undefined;
  readonly ifNoneMatch: TagList | undefined;
  /** Undefined if it is absent or not an HTTP-date: then it is ignored (RFC 9110 section 13.1.4). */
  readonly ifUnmodifiedSince: Date | undefined;
  /** Likewise (RFC 9110 section 13.1.3). */
  readonly ifModifiedSince: Date | undefined;
}

/** The value of `If-Match` or `If-None-Match`. */
type TagList = "any" | "malformed" | readonly EntityTag[];

interface EntityTag {
  readonly weak: boolean;
  /** With the quotes. */
  readonly opaque: string;
}

/** What follows from the preconditions of a request: perform it, or answer 304 or 412. */
export type PreconditionResult = "perform" | "not-modified" | "failed";

/** The strong entity tag of content with these digests: its sha-256 in hex. Undefined if they have none. */
export function entityTag(digests: Digests | undefined): string | undefined {
  const digest = digests?.values.get("sha-256");
  return digest && `"${digest.toString("hex")}"`;
}

/** The date for `Last-Modified`: to the second, and never later than `now` (RFC 9110 section 8.8.2.1). */
export function lastModified(modified: Date, now: Date = new Date()): Date {
  const time = Math.min(modified.getTime(), now.getTime());
  return new Date(Math.floor(time / 1000) * 1000);
}

/** Reads the preconditions in a header section; undefined without preconditions. */
export function parsePreconditions(header: FieldLines): Preconditions | undefined {
  if (!FIELDS.some((name) => header.has(name))) return undefined;
  return {
    ifMatch: parseTagList(header.get("If-Match")),
    ifNoneMatch: parseTagList(header.get("If-None-Match")),
    ifUnmodifiedSince: parseHttpDate(header.get("If-Unmodified-Since") ?? ""),
    ifModifiedSince: parseHttpDate(header.get("If-Modified-Since") ?? ""),
  };
}

const FIELDS = ["If-Match", "If-None-Match", "If-Unmodified-Since", "If-Modified-Since"];

/** Whether these preconditions can only be evaluated with the entity tag, which may have to be computed. */
export function needsEntityTag({ ifMatch, ifNoneMatch }: Preconditions): boolean {
  return [ifMatch, ifNoneMatch].some((tags) => tags !== undefined && typeof tags !== "string");
}

/**
 * Evaluates the preconditions of a request in the order of RFC 9110 section 13.2.2. `reading` says whether the method is
 * GET or HEAD; `current` are the validators of what is there, undefined if nothing is.
 *
 * A malformed tag list matches nothing. On a write it fails: the client asked for a condition that cannot be evaluated.
 */
export function evaluatePreconditions(
  preconditions: Preconditions,
  reading: boolean,
  current: Validators | undefined,
): PreconditionResult {
  const { ifMatch, ifNoneMatch, ifUnmodifiedSince, ifModifiedSince } = preconditions;
  if (ifMatch !== undefined) {
    if (!matches(ifMatch, current, "strong")) return "failed";
  } else if (ifUnmodifiedSince !== undefined && current !== undefined && current.lastModified > ifUnmodifiedSince) {
    return "failed";
  }
  if (ifNoneMatch !== undefined) {
    if (!reading && ifNoneMatch === "malformed") return "failed";
    if (matches(ifNoneMatch, current, "weak")) return reading ? "not-modified" : "failed";
  } else if (
    reading &&
    ifModifiedSince !== undefined &&
    current !== undefined &&
    current.lastModified <= ifModifiedSince
  ) {
    return "not-modified";
  }
  return "perform";
}

/** Whether `If-Range` can only be evaluated with the entity tag. */
export function ifRangeNeedsEntityTag(header: FieldLines): boolean {
  return header.has("Range") && header.get("If-Range")?.startsWith('"') === true;
}

/**
 * Whether a range may be answered with a part: without `If-Range`, or if it names the stored object by a strong validator
 * (RFC 9110 section 13.1.5). A date is strong if it is at least a second in the past (section 8.8.2.2).
 */
export function ifRangeHolds(header: FieldLines, current: Validators, now: Date = new Date()): boolean {
  const value = header.get("If-Range");
  if (value === undefined) return true;
  if (value.startsWith('"')) return value === current.entityTag;
  const date = parseHttpDate(value)?.getTime();
  return date === current.lastModified.getTime() && date <= now.getTime() - 1000;
}

/** Whether one of the tags is that of what is there, by strong or weak comparison (RFC 9110 section 8.8.3.2). */
function matches(tags: TagList, current: Validators | undefined, comparison: "strong" | "weak"): boolean {
  if (current === undefined || tags === "malformed") return false;
  if (tags === "any") return true;
  return tags.some(({ weak, opaque }) => opaque === current.entityTag && !(weak && comparison === "strong"));
}

const SEPARATOR = /[ \t,]*/y;
// A comma may be part of a tag (RFC 9110 section 8.8.3), so the list cannot be split at commas.
const TAG = /(W\/)?("[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?=,|$)/y;

function parseTagList(value: string | undefined): TagList | undefined {
  if (value === undefined) return undefined;
  if (value === "*") return "any";
  const tags: EntityTag[] = [];
  for (let at = skipSeparator(value, 0); at < value.length; at = skipSeparator(value, TAG.lastIndex)) {
    TAG.lastIndex = at;
    const [, weak, opaque] = TAG.exec(value) ?? [];
    if (opaque === undefined) return "malformed";
    tags.push({ weak: weak !== undefined, opaque });
  }
  return tags.length > 0 ? tags : "malformed";
}

function skipSeparator(value: string, at: number): number {
  SEPARATOR.lastIndex = at;
  SEPARATOR.test(value);
  return SEPARATOR.lastIndex;
}
