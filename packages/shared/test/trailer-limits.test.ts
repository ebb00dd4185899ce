import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { createTrailerPolicy, type FieldLine, FieldLines } from "../src/index.ts";
import { lines } from "./message.ts";

const tooLarge = expect.objectContaining({ name: "TrailsumError", code: "TRAILERS_TOO_LARGE", status: 431 });
const many = (count: number): FieldLines =>
  FieldLines.from(Array.from({ length: count }, (_, at): FieldLine => [`x-${at}`, ""]));

describe("a trailer section", () => {
  test("of 128 fields goes on, of one more it is refused whole", () => {
    const policy = createTrailerPolicy({ select: "all" });
    expect(policy.filter(many(128), { declared: [] })).toHaveLength(128);
    expect(() => policy.filter(many(129), { declared: [] })).toThrow(tooLarge);
  });

  test("of 16384 bytes as on the wire goes on, of one more it is refused whole", () => {
    const policy = createTrailerPolicy({ select: "all" });
    const of = (bytes: number): FieldLines => lines(["Md5", "x".repeat(bytes - 7)]);
    expect(policy.maxBytes).toBe(16_384);
    expect(policy.filter(of(16_384), { declared: [] })).toHaveLength(1);
    expect(() => policy.filter(of(16_385), { declared: [] })).toThrow(tooLarge);
  });

  test("is measured before anything is left out: what is not selected counts too", () => {
    for (const select of ["none", "declared", ["Md5"]] as const) {
      expect(() => createTrailerPolicy({ select }).filter(many(129), { declared: ["x-1"] })).toThrow(tooLarge);
    }
  });

  test("may be allowed less, or nothing", () => {
    const narrow = createTrailerPolicy({ select: "all", maxFields: 1, maxBytes: 10 });
    expect(narrow.maxBytes).toBe(10);
    expect(narrow.filter(lines(["Size", "12"]), { declared: [] })).toHaveLength(1);
    expect(() => narrow.filter(lines(["Size", "123"]), { declared: [] })).toThrow(tooLarge);
    expect(() => narrow.filter(lines(["a", ""], ["b", ""]), { declared: [] })).toThrow(tooLarge);
    expect(() => createTrailerPolicy({ maxFields: 0 }).filter(lines(["a", ""]), { declared: [] })).toThrow(tooLarge);
    expect(createTrailerPolicy({ maxFields: 0, maxBytes: 0 }).filter(FieldLines.empty, { declared: [] })).toHaveLength(
      0,
    );
  });

  test("is refused or complete, never cut short, whatever it is", () => {
    const name = fc.stringMatching(/^[a-z]{1,8}$/).map((letters) => `x-${letters}`);
    const section = fc.array(fc.tuple(name, fc.string({ unit: "binary-ascii", maxLength: 30 })), { maxLength: 12 });
    fc.assert(
      fc.property(section, fc.nat(12), fc.nat(300), (pairs, maxFields, maxBytes) => {
        const bytes = Buffer.byteLength(pairs.map(([key, value]) => `${key}: ${value}\r\n`).join(""), "latin1");
        const whole = pairs.length <= maxFields && bytes <= maxBytes;
        const policy = createTrailerPolicy({ select: "all", maxFields, maxBytes });
        expect(outcome(() => policy.filter(lines(...pairs), { declared: [] }).raw)).toEqual(
          whole ? pairs.flat() : tooLarge,
        );
      }),
      { numRuns: 500 },
    );
  });
});

test("thousands of announced names, all of them different, are reported once", () => {
  const names = Array.from({ length: 50_000 }, (_, at) => `x-${at}`);
  const policy = createTrailerPolicy();
  expect(policy.announce({ declared: [...names, ...names], hopByHop: names.slice(1) })).toEqual(["x-0"]);
});

function outcome(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}
