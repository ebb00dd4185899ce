/** A part of a representation: from the byte at `start` up to the one before `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** What a `Range` field selects: everything, since it is not valid or not worth following; nothing; or parts. */
export type RangeSelection = "whole" | "unsatisfiable" | readonly ByteRange[];

/** The most ranges that are answered one by one. */
const MAX_RANGES = 64;

const SPECIFIER = /^bytes[ \t]*=[ \t]*(.*)$/is;
const RANGE = /^(?:(\d+)-(\d*)|-(\d+))$/;

/**
 * Reads the value of a `Range` field (RFC 9110 section 14.2) against a representation of `size` bytes. Another range unit
 * and an invalid list are ignored. Ranges that overlap or touch are joined, and more than 64 that remain are ignored, since
 * both cost more than the whole (section 17.15).
 */
export function selectRanges(value: string, size: number): RangeSelection {
  const list = SPECIFIER.exec(value)?.[1];
  if (list === undefined) return "whole";
  const members = list.split(",").map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ""));
  const selected: ByteRange[] = [];
  let valid = false;
  for (const member of members) {
    if (member === "") continue;
    const range = readRange(member, size);
    if (range === undefined) return "whole";
    valid = true;
    if (range.start < range.end) selected.push(range);
    // A suffix range of an empty object is the whole object, which Content-Range cannot express.
    else if (size === 0 && member.startsWith("-") && Number(member) !== 0) return "whole";
  }
  if (!valid) return "whole";
  if (selected.length === 0) return "unsatisfiable";
  const joined = joinRanges(selected);
  return joined.length > MAX_RANGES ? "whole" : joined;
}

/** Undefined if it is not a valid range; empty if it selects nothing of the representation (section 14.1.2). */
function readRange(member: string, size: number): ByteRange | undefined {
  const [matched, first = "", last = "", suffix] = RANGE.exec(member) ?? [];
  if (matched === undefined) return undefined;
  if (suffix !== undefined) return { start: Math.max(0, size - Number(suffix)), end: size };
  const start = Number(first);
  if (last === "") return { start, end: size };
  return Number(last) < start ? undefined : { start, end: Math.min(Number(last) + 1, size) };
}

/** As they were asked for, unless some overlap or touch: those are joined, and all are put in order. */
function joinRanges(ranges: readonly ByteRange[]): readonly ByteRange[] {
  const joined: { start: number; end: number }[] = [];
  for (const { start, end } of ranges.toSorted((one, other) => one.start - other.start)) {
    const last = joined.at(-1);
    if (last === undefined || start > last.end) joined.push({ start, end });
    else last.end = Math.max(last.end, end);
  }
  return joined.length === ranges.length ? ranges : joined;
}

/** The value of `Content-Range` for a part (RFC 9110 section 14.4). */
export function contentRange({ start, end }: ByteRange, size: number): string {
  return `bytes ${start}-${end - 1}/${size}`;
}
