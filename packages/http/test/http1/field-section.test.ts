import { isToken } from "@trailsum/shared";
import { fieldLine } from "@trailsum/testkit/random-http1";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { parseFieldSection } from "../../src/http1/field-section.ts";
import { faultOf } from "./fault.ts";

/** The lines of `text`, with something else before and after them. */
function parse(text: string, maxFields = 100): string[] {
  const bytes = Buffer.from(`A: b\r\n${text}C: d\r\n`, "latin1");
  return parseFieldSection(bytes, 6, bytes.length - 6, maxFields);
}

function accepts(line: string): boolean {
  try {
    const [name, value] = parse(line);
    return line === `${name}: ${value}\r\n`;
  } catch {
    return false;
  }
}

test("lines are reported as received, without the whitespace around values", () =>
  expect(parse("X-One: 1\r\nx-one:\t 2  3 \t\r\nX-None:\r\nX-Space: \t \r\nX-Name: caf\u00e9 \u00a0\r\n")).toEqual([
    "X-One",
    "1",
    "x-one",
    "2  3",
    "X-None",
    "",
    "X-Space",
    "",
    "X-Name",
    "caf\u00e9 \u00a0",
  ]));

test("a section without lines is empty", () => expect(parse("")).toEqual([]));

test("every token is a name, and nothing else is", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) }),
      (name) => {
        fc.pre(!name.includes(":"));
        expect(accepts(`${name}: 1\r\n`)).toBe(isToken(name));
      },
    ),
    { numRuns: 1_000 },
  );
});

test("every octet but controls may be in a value", () => {
  for (let code = 0; code < 256; code += 1) {
    const character = String.fromCharCode(code);
    expect(accepts(`X: a${character}b\r\n`)).toBe(code === 9 || (code >= 0x20 && code !== 0x7f));
  }
});

test("random lines are reported unchanged", () => {
  fc.assert(
    fc.property(fc.array(fieldLine), (lines) => {
      const pairs = lines.flatMap((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon), line.slice(colon + 1, -2).replaceAll(/^[ \t]+|[ \t]+$/g, "")];
      });
      expect(parse(lines.join(""))).toEqual(pairs);
    }),
    { numRuns: 300 },
  );
});

describe("a fault in the syntax of fields", () => {
  test.each([
    ["no colon", "X\r\n", "INVALID_HEADER_TOKEN"],
    ["no name", ": 1\r\n", "INVALID_HEADER_TOKEN"],
    ["a space before the colon", "X : 1\r\n", "INVALID_HEADER_TOKEN"],
    ["a folded line", "X: 1\r\n 2\r\n", "INVALID_HEADER_TOKEN"],
    ["an empty line", "X: 1\r\n\r\nY: 2\r\n", "INVALID_HEADER_TOKEN"],
    ["a bare LF", "X: 1\nY: 2\r\n", "STRICT"],
    ["a bare CR", "X: 1\rY: 2\r\n", "STRICT"],
    ["a NUL in a name", "X\0: 1\r\n", "STRICT"],
    ["a line that the section cuts", "X: 1", "INVALID_HEADER_TOKEN"],
  ])("%s", (_name, text, fault) =>
    expect(faultOf(() => parseFieldSection(Buffer.from(`${text}\r`), 0, text.length, 10))).toBe(fault),
  );

  test("more lines than are taken", () => {
    expect(parse("a:\r\nb:\r\n", 2)).toHaveLength(4);
    expect(faultOf(() => parse("a:\r\nb:\r\nc:\r\n", 2))).toBe("TOO_LARGE");
  });
});
