import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { parseReceipt } from "../src/index.ts";

const receipt = {
  path: "a/b",
  size: 5,
  digests: { md5: "00", "sha-256": "11" },
  verdict: "verified",
  verifiedBy: ["Md5"],
  algorithms: ["md5"],
};

describe("a receipt", () => {
  test("is read as it was written", () => {
    expect(parseReceipt(`${JSON.stringify(receipt)}\n`)).toEqual(receipt);
  });

  test("keeps the digests of known algorithms only, and no member that it does not have", () => {
    const digests = { ...receipt.digests, md6: "22", "sha-512": 5, ["__proto__"]: "x" };
    const algorithms = ["md5", "md6", 5, "__proto__"];
    expect(parseReceipt(JSON.stringify({ ...receipt, digests, algorithms, more: 1 }))).toEqual(receipt);
  });

  test("names no algorithms when its server did not", () => {
    expect(parseReceipt(JSON.stringify({ ...receipt, algorithms: undefined }))).toEqual({ ...receipt, algorithms: [] });
  });

  test.each([
    ["no path", { path: undefined }],
    ["a size that is not a number", { size: "5" }],
    ["a fractional size", { size: 0.5 }],
    ["no digests", { digests: null }],
    ["another verdict", { verdict: "mismatched" }],
    ["no list of fields", { verifiedBy: "Md5" }],
  ])("with %s is not a receipt", (_what, change) => {
    expect(parseReceipt(JSON.stringify({ ...receipt, ...change }))).toBeUndefined();
  });

  test("is never made of anything else, and reading it never throws", () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        expect(parseReceipt(text)).toBeUndefined();
      }),
    );
  });
});
