import { type Digests, FieldLines, type FieldLine } from "@trailsum/shared";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  entityTag,
  evaluatePreconditions,
  lastModified,
  needsEntityTag,
  parsePreconditions,
  type PreconditionResult,
  type Validators,
} from "../src/request/preconditions.ts";

const now = "Mon, 30 Nov 2026 12:00:00 GMT";
const earlier = "Mon, 30 Nov 2026 11:59:59 GMT";
const later = "Mon, 30 Nov 2026 12:00:01 GMT";
const current: Validators = { entityTag: '"a"', lastModified: new Date(now) };

function evaluate(lines: readonly FieldLine[], reading: boolean, at: Validators | undefined): PreconditionResult {
  const preconditions = parsePreconditions(FieldLines.from(lines));
  return preconditions === undefined ? "perform" : evaluatePreconditions(preconditions, reading, at);
}

type Row = readonly [
  lines: FieldLine[],
  read: PreconditionResult,
  write: PreconditionResult,
  absent: PreconditionResult,
];

describe("the preconditions of RFC 9110 section 13.1", () => {
  const rows: readonly Row[] = [
    [[], "perform", "perform", "perform"],
    // Strong comparison.
    [[["If-Match", '"a"']], "perform", "perform", "failed"],
    [[["If-Match", '"b", "a"']], "perform", "perform", "failed"],
    [[["If-Match", "*"]], "perform", "perform", "failed"],
    [[["If-Match", '"b"']], "failed", "failed", "failed"],
    [[["If-Match", 'W/"a"']], "failed", "failed", "failed"],
    [[["If-Match", "a"]], "failed", "failed", "failed"],
    [[["If-Match", ""]], "failed", "failed", "failed"],
    [[["If-Match", '*, "a"']], "failed", "failed", "failed"],
    [[["If-Match", '"a" "b"']], "failed", "failed", "failed"],
    [
      [
        ["If-Match", '"b,'],
        ["If-Match", '"a"'],
      ],
      "failed",
      "failed",
      "failed",
    ],
    [[["If-Match", ', "b" ,\t,"a" , ']], "perform", "perform", "failed"],
    [
      [
        ["If-Match", '"b"'],
        ["if-match", '"a"'],
      ],
      "perform",
      "perform",
      "failed",
    ],
    // Weak comparison.
    [[["If-None-Match", '"a"']], "not-modified", "failed", "perform"],
    [[["If-None-Match", 'W/"a"']], "not-modified", "failed", "perform"],
    [[["If-None-Match", '"x,y", "a"']], "not-modified", "failed", "perform"],
    [[["If-None-Match", "*"]], "not-modified", "failed", "perform"],
    [[["If-None-Match", '"b"']], "perform", "perform", "perform"],
    [[["If-None-Match", 'w/"a"']], "perform", "failed", "failed"],
    [[["If-None-Match", "a"]], "perform", "failed", "failed"],
    [[["If-None-Match", ""]], "perform", "failed", "failed"],
    // Dates.
    [[["If-Unmodified-Since", now]], "perform", "perform", "perform"],
    [[["If-Unmodified-Since", later]], "perform", "perform", "perform"],
    [[["If-Unmodified-Since", earlier]], "failed", "failed", "perform"],
    [[["If-Unmodified-Since", "yesterday"]], "perform", "perform", "perform"],
    [[["If-Modified-Since", now]], "not-modified", "perform", "perform"],
    [[["If-Modified-Since", later]], "not-modified", "perform", "perform"],
    [[["If-Modified-Since", earlier]], "perform", "perform", "perform"],
    [[["If-Modified-Since", "yesterday"]], "perform", "perform", "perform"],
    // Their order, section 13.2.2.
    [
      [
        ["If-Match", '"a"'],
        ["If-Unmodified-Since", earlier],
      ],
      "perform",
      "perform",
      "failed",
    ],
    [
      [
        ["If-None-Match", '"b"'],
        ["If-Modified-Since", later],
      ],
      "perform",
      "perform",
      "perform",
    ],
    [
      [
        ["If-Match", '"b"'],
        ["If-None-Match", '"a"'],
      ],
      "failed",
      "failed",
      "failed",
    ],
    [
      [
        ["If-Match", '"a"'],
        ["If-None-Match", '"a"'],
      ],
      "not-modified",
      "failed",
      "failed",
    ],
    [
      [
        ["If-Unmodified-Since", now],
        ["If-Modified-Since", now],
      ],
      "not-modified",
      "perform",
      "perform",
    ],
  ];

  test.each(rows)("%j", (lines, read, write, absent) => {
    expect([
      evaluate(lines, true, current),
      evaluate(lines, false, current),
      evaluate(lines, false, undefined),
    ]).toEqual([read, write, absent]);
  });

  test("need the entity tag only where a tag is named", () => {
    const needs = (...lines: FieldLine[]): boolean => needsEntityTag(parsePreconditions(FieldLines.from(lines))!);
    expect(needs(["If-Match", '"a"'])).toBe(true);
    expect(needs(["If-None-Match", '"a"'])).toBe(true);
    expect(needs(["If-Match", "*"], ["If-None-Match", "a"], ["If-Unmodified-Since", now])).toBe(false);
  });

  test("a tag that is not known matches no tag", () => {
    const unknown = { ...current, entityTag: undefined };
    expect(evaluate([["If-Match", '"a"']], false, unknown)).toBe("failed");
    expect(evaluate([["If-Match", "*"]], false, unknown)).toBe("perform");
  });
});

describe("any list of tags", () => {
  const opaque = fc
    .array(fc.constantFrom("!", "#", ",", "/", "*", "W", "\\", "~", "\u00ff", "a"), { maxLength: 5 })
    .map((characters) => `"${characters.join("")}"`);
  const tag = fc.record({ weak: fc.boolean(), opaque });

  test("matches exactly the tags in it", () => {
    fc.assert(
      fc.property(fc.array(tag, { minLength: 1, maxLength: 4 }), opaque, (tags, of) => {
        const value = tags.map(({ weak, opaque: text }) => (weak ? `W/${text}` : text)).join(" ,");
        const at = { ...current, entityTag: of };
        const strong = tags.some((one) => !one.weak && one.opaque === of);
        const weak = tags.some((one) => one.opaque === of);
        expect(evaluate([["If-Match", value]], false, at)).toBe(strong ? "perform" : "failed");
        expect(evaluate([["If-None-Match", value]], true, at)).toBe(weak ? "not-modified" : "perform");
      }),
    );
  });

  test("never lets a write through by mistake: If-Match holds only for a tag that was sent", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("W", "/", '"', "a", ",", " ", "*", "\t"), maxLength: 12 }),
        (value) => {
          const performed = evaluate([["If-Match", value]], false, current) === "perform";
          expect(performed && value !== "*" && !value.includes('"a"')).toBe(false);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe("validators", () => {
  test("the entity tag is the sha-256 in hex, in quotes", () => {
    const digests: Digests = { size: 1, values: new Map([["sha-256", Buffer.from("00ff", "hex")]]) };
    expect(entityTag(digests)).toBe('"00ff"');
    expect(entityTag({ size: 1, values: new Map([["md5", Buffer.alloc(16)]]) })).toBeUndefined();
    expect(entityTag(undefined)).toBeUndefined();
  });

  test("Last-Modified is to the second, and never in the future", () => {
    const date = new Date(now);
    expect(lastModified(new Date(date.getTime() + 999), new Date(later))).toEqual(date);
    expect(lastModified(new Date("2100-01-01"), new Date(date.getTime() + 999))).toEqual(date);
  });
});
