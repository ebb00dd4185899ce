import { array, assert, constantFrom, integer, oneof, property, tuple } from "fast-check";
import { describe, expect, test } from "vitest";

import { selectRanges } from "../src/request/byte-ranges.ts";

describe("a Range field selects", () => {
  test.each([
    ["bytes=0-0", [[0, 1]]],
    ["bytes=0-", [[0, 100]]],
    ["bytes=99-", [[99, 100]]],
    ["bytes=10-1000", [[10, 100]]],
    ["bytes=-1", [[99, 100]]],
    ["bytes=-1000", [[0, 100]]],
    ["BYTES = 1-2", [[1, 3]]],
    [
      "bytes=,1-2,,\t5-6 ,",
      [
        [1, 3],
        [5, 7],
      ],
    ],
    [
      "bytes=50-59,0-9",
      [
        [50, 60],
        [0, 10],
      ],
    ],
    ["bytes=0-9,5-14", [[0, 15]]],
    [
      "bytes=90-,0-9,10-19",
      [
        [0, 20],
        [90, 100],
      ],
    ],
    ["bytes=200-300,1-1,-0", [[1, 2]]],
    [`bytes=0-${"9".repeat(400)}`, [[0, 100]]],
  ])("%s: parts", (value, expected) => {
    expect(selectRanges(value, 100)).toEqual(expected.map(([start, end]) => ({ start, end })));
  });

  test.each(["bytes=100-", "bytes=100-200", "bytes=-0", `bytes=${"9".repeat(400)}-`, "bytes=100-,200-"])(
    "%s: nothing",
    (value) => {
      expect(selectRanges(value, 100)).toBe("unsatisfiable");
    },
  );

  test.each([
    "",
    "bytes",
    "bytes=",
    "bytes=,",
    "bytes=-",
    "bytes=a-b",
    "bytes=2-1",
    "bytes=0-1,2-1",
    "bytes=0-1;2-3",
    "bytes=1",
    "bytes=--1",
    "bytes=+1-2",
    "bytes=1-2-3",
    "bytes=0x1-2",
    "lines=1-2",
    "bytes=1- 2",
    "bytes 0-1/100",
  ])("%j: everything, as it is not valid or of another unit", (value) => {
    expect(selectRanges(value, 100)).toBe("whole");
  });

  test("of nothing: nothing, or all of it", () => {
    expect(selectRanges("bytes=0-", 0)).toBe("unsatisfiable");
    expect(selectRanges("bytes=-5", 0)).toBe("whole");
    expect(selectRanges("bytes=-0", 0)).toBe("unsatisfiable");
  });

  test("everything for more than 64 separate parts", () => {
    const many = (count: number): string =>
      `bytes=${Array.from({ length: count }, (_, at) => `${at * 2}-${at * 2}`).join(",")}`;
    expect(selectRanges(many(64), 1_000)).toHaveLength(64);
    expect(selectRanges(many(65), 1_000)).toBe("whole");
  });
});

test("the parts are the bytes that the ranges name, each once, and within the representation", () => {
  const number = integer({ min: 0, max: 40 });
  const range = oneof(
    tuple(number, number).map(([first, length]) => `${first}-${first + length}`),
    number.map((first) => `${first}-`),
    number.map((suffix) => `-${suffix}`),
  );
  const separator = constantFrom(",", " , ", ",,");
  assert(
    property(array(range, { minLength: 1, maxLength: 6 }), separator, number, (ranges, comma, size) => {
      const named = Array.from({ length: size }, (_, at) => ranges.some((text) => names(text, at, size)));
      const selected = selectRanges(`bytes=${ranges.join(comma)}`, size);
      if (selected === "whole") return size === 0;
      const parts = selected === "unsatisfiable" ? [] : selected;
      const times = named.map((_, at) => parts.filter(({ start, end }) => start <= at && at < end).length);
      expect(times).toEqual(named.map(Number));
      return parts.every(({ start, end }) => 0 <= start && start < end && end <= size);
    }),
    { numRuns: 1_000 },
  );
});

/** Whether a range names the byte at a position, by the words of RFC 9110 section 14.1.2. */
function names(range: string, at: number, size: number): boolean {
  const [first, last] = range.split("-");
  if (first === "") return at >= size - Number(last);
  return at >= Number(first) && (last === "" || at <= Number(last));
}
