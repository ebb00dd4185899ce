import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { formatMd5, parseContentMd5, parseMd5, parseSize } from "../src/index.ts";

const hex = "50521abab7a013be83ee00ded3f9f424";
const otherHex = "49dfdd54b01cbcd2d2ab5e9e5ee6b9b9";
const base64 = "UFIauregE76D7gDe0/n0JA==";
const otherBase64 = "Sd/dVLAcvNLSq16eXua5uQ==";
const twice = { fault: "came twice with different values" };

describe("Md5", () => {
  const value = { value: Buffer.from(hex, "hex") };
  const fault = { fault: "not 32 hexadecimal digits" };

  test.each([
    ["lower case", [hex]],
    ["upper case", [hex.toUpperCase()]],
    ["whitespace around it", [` \t${hex}\t `]],
    ["the same value on two lines", [hex, hex]],
    ["the same value twice on one line", [`${hex}, ${hex}`]],
    ["the same value in both cases", [hex, hex.toUpperCase()]],
    ["empty members of the list", [`, ${hex} ,,`]],
  ])("is understood: %s", (_what, lines) => expect(parseMd5(lines)).toEqual(value));

  test.each([
    ["nothing", [""]],
    ["no line at all", []],
    ["whitespace alone", [" "]],
    ["nothing but commas", [","]],
    ["31 digits", [hex.slice(1)]],
    ["33 digits", [`${hex}0`]],
    ["a letter that is not a digit", [`g${hex.slice(1)}`]],
    ["quotes", [`"${hex}"`]],
    ["a space inside", [`${hex.slice(0, 16)} ${hex.slice(16)}`]],
    ["base64", [base64]],
    ["a line feed after it", [`${hex}\n`]],
    ["NBSP after it, which is no whitespace of HTTP", [`${hex}\u00a0`]],
    ["digits of another script", ["\u0660".repeat(32)]],
    ["two lines of nonsense", ["x", "y"]],
  ])("is malformed: %s", (_what, lines) => expect(parseMd5(lines)).toEqual(fault));

  test.each([
    ["on two lines", [hex, otherHex]],
    ["on one line", [`${hex},${otherHex}`]],
    ["one of them empty", [hex, ""]],
    ["the empty one first", ["", hex]],
    ["one of them nonsense", [hex, "x"]],
  ])("is malformed when two values differ: %s", (_what, lines) => expect(parseMd5(lines)).toEqual(twice));

  test("is parsed back to what was formatted, for any digest", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const digest = Buffer.from(bytes);
        expect(formatMd5(digest)).toMatch(/^[0-9a-f]{32}$/);
        expect(parseMd5([formatMd5(digest)])).toEqual({ value: digest });
      }),
    );
  });
});

describe("Content-MD5", () => {
  const fault = { fault: "not the base64 of 16 bytes" };

  test.each([
    ["base64 of 16 bytes", [base64]],
    ["whitespace around it", [` ${base64} `]],
    ["the same value twice", [base64, `${base64}, ${base64}`]],
  ])("is understood: %s", (_what, lines) =>
    expect(parseContentMd5(lines)).toEqual({ value: Buffer.from(base64, "base64") }),
  );

  test.each([
    ["nothing", [""]],
    ["missing padding", [base64.slice(0, -1)]],
    ["no padding", [base64.slice(0, -2)]],
    ["too much padding", [`${base64}=`]],
    ["stray bits", [base64.replace("A==", "B==")]],
    ["the url alphabet", [base64.replace("/", "_")]],
    ["a space inside", [`${base64.slice(0, 4)} ${base64.slice(4)}`]],
    ["15 bytes", ["AAAAAAAAAAAAAAAAAAAA"]],
    ["17 bytes", ["AAAAAAAAAAAAAAAAAAAAAAA="]],
    ["hex", [hex]],
    ["the colons of a byte sequence", [`:${base64}:`]],
  ])("is malformed: %s", (_what, lines) => expect(parseContentMd5(lines)).toEqual(fault));

  test("is malformed when two values differ", () => {
    expect(parseContentMd5([base64, otherBase64])).toEqual(twice);
    expect(parseContentMd5([`${base64}, ${otherBase64}`])).toEqual(twice);
    expect(parseContentMd5([base64, ""])).toEqual(twice);
  });
});

describe("Size", () => {
  test.each([
    ["zero", ["0"], 0],
    ["one", ["1"], 1],
    ["four gibibytes", ["4294967296"], 4_294_967_296],
    ["the largest that a number can tell from its neighbours", ["9007199254740991"], Number.MAX_SAFE_INTEGER],
    ["whitespace around it", ["\t7 "], 7],
    ["leading zeros, as Content-Length may have them", ["007"], 7],
    ["the same value twice", ["7", "7, 7"], 7],
    ["the same number in two spellings", ["7", "07"], 7],
  ])("is understood: %s", (_what, lines, value) => expect(parseSize(lines)).toEqual({ value }));

  test.each(
    [
      ["", " ", ",", "-1", "-0", "+1", "1.0", "1e3", "0x10", "0b1", "1_000", "1 000", "NaN", "Infinity", '"1"', "1;a"],
      ["9007199254740992", "9999999999999999", "10000000000000000", "9".repeat(400), "00000000000000001"],
      ["1\n", "\u00a01", "\u0661", "one"],
    ].flat(),
  )("is malformed: %j", (text) => expect(parseSize([text])).toEqual({ fault: "not a decimal number of bytes" }));

  test.each([
    ["on two lines", ["7", "8"]],
    ["on one line", ["7, 8"]],
    ["one of them empty", ["7", ""]],
    ["one of them nonsense", ["7", "-7"]],
  ])("is malformed when two values differ: %s", (_what, lines) => expect(parseSize(lines)).toEqual(twice));

  test("is parsed back to the number it was, for any number of bytes", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (size) => {
        expect(parseSize([String(size)])).toEqual({ value: size });
      }),
    );
  });
});

test("nothing that anyone sends makes these parsers throw", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" })), (lines) => {
      for (const parse of [parseMd5, parseContentMd5, parseSize]) expect(() => parse(lines)).not.toThrow();
    }),
  );
});
