import type { FieldLines } from "@trailsum/shared";

/** What the `Content-Range` of a 206 says (RFC 9110 section 14.4). */
export interface ContentRange {
  /** The position of the first byte. */
  readonly start: number;
  /** The position after the last byte. */
  readonly end: number;
  /** The size of the whole representation; undefined if the server does not know it. */
  readonly complete: number | undefined;
}

/** The range of a response; undefined if the field is absent or malformed. */
export function contentRange(header: FieldLines): ContentRange | undefined {
  const [, first, last, complete] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/i.exec(header.get("Content-Range") ?? "") ?? [];
  if (first === undefined) return undefined;
  const range = {
    start: Number(first),
    end: Number(last) + 1,
    complete: complete === "*" ? undefined : Number(complete),
  };
  const isPossible = range.start < range.end && range.end <= (range.complete ?? Number.MAX_SAFE_INTEGER);
  return isPossible ? range : undefined;
}

/** A strong entity tag (RFC 9110 section 8.8.3); undefined for a weak or malformed one. */
export function strongTag(header: FieldLines): string | undefined {
  const tag = header.get("ETag");
  return tag !== undefined && /^"[^"]*"$/.test(tag) ? tag : undefined;
}
