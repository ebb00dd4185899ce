import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { cleanQuery } from "../src/request/query.ts";

describe("rule 31: a query", () => {
  test.each([
    ["", ""],
    ["a", "a"],
    ["a=1&b=2&a=3", "a=1&b=2&a=3"],
    ["b=2&&a=%3B+%20x", "b=2&&a=%3B+%20x"],
    ["&", "&"],
    ["==&=", "==&="],
    ["q=ä", "q=ä"],
  ])("that every parser reads alike, %j, stays as it is", (query, expected) => {
    expect(cleanQuery(query)).toBe(expected);
  });

  test.each([
    ["a=1&a=2;b=3", "a=1"],
    ["a=1&a=%zz&b=3", "a=1&b=3"],
    ["a=%zz", ""],
    ["a=%", ""],
    ["a=%4", ""],
    ["%zz=1&b", "b="],
    [";", ""],
    ["c=3&;&b=2&a=1&b=1", "a=1&b=2&b=1&c=3"],
    ["x=a+b%20c&;", "x=a+b+c"],
    ["x=%e2%82%ac&;", "x=%E2%82%AC"],
    ["x=é&;", "x=%E9"],
    ["a=b=c&;", "a=b%3Dc"],
    ["&&a&;", "a="],
    ["%3b=%26&;", "%3B=%26"],
  ])("that two parsers read differently, %j, is put together again as %j", (query, expected) => {
    expect(cleanQuery(query)).toBe(expected);
  });

  test("Go 15 to 18: of 10,001 parameters is emptied, and of 10,000 is not", () => {
    const parameters = Array.from({ length: 10_000 }, (_, at) => `a${at}=1`).join("&");
    expect(cleanQuery(parameters)).toBe(parameters);
    expect(cleanQuery(`${parameters}&b=2`)).toBe("");
    expect(cleanQuery(`${parameters}&;`)).toBe("");
  });

  const queries = fc.oneof(
    fc.string({ unit: fc.constantFrom("a", "b", "&", "=", ";", "%", "2", "f", "+", "zz", "%3B", "%26", "é") }),
    fc.string({ unit: fc.integer({ min: 0x21, max: 0xff }).map((code) => String.fromCharCode(code)) }),
  );

  test("once cleaned holds no ; and no broken escape, and cleaning it again changes nothing", () => {
    fc.assert(
      fc.property(queries, (query) => {
        const clean = cleanQuery(query);
        expect(clean).not.toContain(";");
        expect(clean).not.toMatch(/%(?![0-9a-f]{2})/i);
        expect(cleanQuery(clean)).toBe(clean);
      }),
      { numRuns: 1_000 },
    );
  });

  test("keeps, of every key, the values that a parser of today's URLs sees in the same order", () => {
    const words = fc.string({ unit: fc.constantFrom("a", "b", "é", " ", "%", "&", "="), maxLength: 4 });
    fc.assert(
      fc.property(fc.array(fc.tuple(words, words)), (pairs) => {
        const given = new URLSearchParams(pairs);
        const cleaned = new URLSearchParams(cleanQuery(`${given.toString()}&;`));
        for (const key of new Set(pairs.map(([name]) => name))) expect(cleaned.getAll(key)).toEqual(given.getAll(key));
      }),
    );
  });
});
