/** A stretch of a representation: `end` is the position after its last byte. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Divides what is between two positions into ranges of `size` bytes; the last one may be shorter. */
export function planRanges(start: number, end: number, size: number): Range[] {
  return Array.from({ length: Math.ceil((end - start) / size) }, (_, at) => ({
    start: start + at * size,
    end: Math.min(start + (at + 1) * size, end),
  }));
}
