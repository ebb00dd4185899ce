import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { isFieldValue, isToken, listMembers, sameFieldName } from "../src/index.ts";

const latin1 = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));

describe("a token", () => {
  test("is made of exactly the 77 characters that RFC 9110 allows", () => {
    expect(latin1.filter((character) => isToken(character)).join("")).toBe(
      "!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~",
    );
  });

  test.each(["", "a b", "a:", ":path", "a\r\n", "a\n", "\u00e9", "\u212a", "a,b", '"a"'])("is not %j", (text) =>
    expect(isToken(text)).toBe(false),
  );
});

describe("a field value", () => {
  test.each(["", "a", "a b", "a\tb", "\u00e9", "\u00a0", 'a, "b"', "!".repeat(10_000)])("may be %j", (text) =>
    expect(isFieldValue(text)).toBe(true),
  );

  test.each([
    " ",
    " a",
    "a ",
    "\ta",
    "a\t",
    "a\r\nb",
    "a\nb",
    "a\rb",
    "a\0b",
    "a\u007fb",
    "a\u0001",
    "\u0100",
    "\u2028",
  ])("is not %j", (text) => expect(isFieldValue(text)).toBe(false));

  test("never has a control character but a tab, for any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary-ascii" }), (text) => {
        const bad = Array.from(text).some(
          (character) => character !== "\t" && (character < " " || character === "\u007f"),
        );
        expect(isFieldValue(text)).toBe(!bad && !/^[ \t]|[ \t]$/.test(text));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("the members of a list", () => {
  test.each([
    ["", []],
    [",", []],
    [" , ,\t", []],
    ["a", ["a"]],
    ["a,b", ["a", "b"]],
    [" a ,\tb\t,, c ", ["a", "b", "c"]],
    ["a b, c", ["a b", "c"]],
    ["\u00a0a\u00a0, \u000bb", ["\u00a0a\u00a0", "\u000bb"]],
  ])("of %j are %j", (value, members) => expect(listMembers(value)).toEqual(members));

  test("are found in a long run of whitespace as well", () => {
    expect(listMembers(`a${" ".repeat(100_000)}b, c${"\t".repeat(100_000)}`)).toEqual([
      `a${" ".repeat(100_000)}b`,
      "c",
    ]);
  });
});

test("names are the same whatever their case, and not otherwise", () => {
  expect([sameFieldName("Md5", "mD5"), sameFieldName("", ""), sameFieldName("Md5", "Md")]).toEqual([true, true, false]);
  expect(sameFieldName("Md5", "Md6")).toBe(false);
});
