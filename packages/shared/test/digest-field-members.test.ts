import { describe, expect, test } from "vitest";

import { parseDigestField } from "../src/index.ts";

const one = "md5=:UFIauregE76D7gDe0/n0JA==:";
const other = "md5=:Sd/dVLAcvNLSq16eXua5uQ==:";
const sha = "sha=:yyTATouGJ50S3R4iWotz3qq6P9Y=:";

const conflict = [{ algorithm: "md5", reason: "came twice with different values" }];

describe("one algorithm twice", () => {
  test.each([
    ["on one line", [`${one}, ${one}`]],
    ["on two lines", [one, one]],
    ["with another between them", [`${one}, ${sha}`, one]],
    ["with different parameters", [`${one};a, ${one};b`]],
  ])("with the same value %s is one digest", (_where, lines) => {
    const { digests, faults } = parseDigestField(lines);
    expect([digests.get("md5")?.toString("base64"), faults]).toEqual(["UFIauregE76D7gDe0/n0JA==", []]);
  });

  test.each([
    ["on one line", [`${one}, ${other}`]],
    ["on one line, in the other order", [`${other}, ${one}`]],
    ["on two lines", [one, other]],
    ["with another between them", [`${one}, ${sha}`, other]],
    ["among equal ones", [one, other, one]],
  ])("with different values %s is malformed: the last does not win", (_where, lines) => {
    expect(parseDigestField(lines).faults).toEqual(conflict);
  });

  test("once well and once badly is malformed", () => {
    expect(parseDigestField([one, "md5=:AAAA:"]).faults).toHaveLength(1);
    expect(parseDigestField(["md5=:AAAA:", one]).faults).toHaveLength(1);
    expect(parseDigestField([one, "md5"]).faults).toHaveLength(1);
  });
});

describe("several lines", () => {
  test("are members of one dictionary", () => {
    expect([...parseDigestField([one, sha]).digests.keys()]).toEqual(["md5", "sha"]);
  });

  test("may be empty in between", () => {
    expect(parseDigestField(["", one, " "]).faults).toEqual([]);
  });

  test("are each complete: a string does not go on in the next", () => {
    expect(parseDigestField(['x="a', `b", ${one}`]).faults).not.toEqual([]);
  });
});

describe("an algorithm that is not known here", () => {
  test.each([
    ["a registered one", "unixsum=:GQU=:", "unixsum"],
    ["one with a value of another type", "md6=7", "md6"],
    ["one that every object inherits", "constructor=:AAAA:", "constructor"],
    ["one like the prototype of objects", "a__proto__=:AAAA:", "a__proto__"],
    ["one with a star", "*=:AAAA:", "*"],
    ["one that a table might inherit", "valueof=:AAAA:", "valueof"],
  ])("is distinguished and does no harm: %s", (_what, line, key) => {
    expect(parseDigestField([`${line}, ${one}`])).toEqual({
      digests: new Map([["md5", Buffer.from("UFIauregE76D7gDe0/n0JA==", "base64")]]),
      unknown: [key],
      faults: [],
    });
  });

  test("is reported once, however often it comes", () => {
    expect(parseDigestField(["a=1, b=2, a=3", "b=4"]).unknown).toEqual(["a", "b"]);
  });

  test("cannot be called __proto__: that is not a key", () => {
    expect(parseDigestField([`__proto__=:AAAA:, ${one}`]).faults).not.toEqual([]);
  });
});

describe("a line made to cost much", () => {
  test("of nothing but commas has one fault, not thousands", () => {
    expect(parseDigestField([",".repeat(16_000)]).faults).toHaveLength(1);
  });

  test("of one bad algorithm over and over has one fault, not thousands", () => {
    const line = Array.from({ length: 2_000 }, (_, at) => `md5=${at}`).join(",");
    expect(parseDigestField([line]).faults).toHaveLength(1);
  });
});
