import { describe, expect, test } from "vitest";

import { parseDigestField } from "../src/index.ts";

const md5 = "UFIauregE76D7gDe0/n0JA==";
const sha256 = "RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=";

describe("a digest field is understood when it is", () => {
  test.each([
    ["one member", `md5=:${md5}:`, ["md5"]],
    ["two members", `md5=:${md5}:, sha-256=:${sha256}:`, ["md5", "sha-256"]],
    ["two members with a tab between them", `md5=:${md5}:,\tsha-256=:${sha256}:`, ["md5", "sha-256"]],
    ["two members with whitespace before the comma", `md5=:${md5}: \t ,sha-256=:${sha256}:`, ["md5", "sha-256"]],
    ["whitespace around it", `  md5=:${md5}:\t`, ["md5"]],
    ["parameters after a member", `md5=:${md5}:;a;b=1;c=?0, sha-256=:${sha256}:`, ["md5", "sha-256"]],
    ["a parameter with a comma in a string", `md5=:${md5}:;note="a, b", sha-256=:${sha256}:`, ["md5", "sha-256"]],
    ["an escaped quote in a string", `md5=:${md5}:;note="\\", sha=1", sha-256=:${sha256}:`, ["md5", "sha-256"]],
    ["an escaped backslash in a string", `md5=:${md5}:;note="\\\\", sha-256=:${sha256}:`, ["md5", "sha-256"]],
    ["a backslash in a display string", `md5=:${md5}:;note=%"\\", sha-256=:${sha256}:`, ["md5", "sha-256"]],
    ["nothing at all", "", []],
    ["whitespace alone", " \t ", []],
  ])("%s", (_what, line, algorithms) => {
    const { digests, unknown, faults } = parseDigestField([line]);
    expect([[...digests.keys()], unknown, faults]).toEqual([algorithms, [], []]);
  });
});

test.each([
  ["sha-256", sha256],
  ["md5", md5],
])("base64 without its padding is understood: %s", (algorithm, padded) => {
  const { digests, faults } = parseDigestField([`${algorithm}=:${padded.replaceAll("=", "")}:`]);
  expect([[...digests.values()].map((digest) => digest.toString("base64")), faults]).toEqual([[padded], []]);
});

describe("base64 must be canonical: refused as malformed is", () => {
  test.each([
    ["half the padding", `md5=:${md5.slice(0, -1)}:`],
    ["padding twice over, as RFC 9530 prints it in four figures", `sha-256=:${sha256}=:`],
    ["padding twice over, of md5", `md5=:${md5}==:`],
    ["a stray bit after the last byte", `sha-256=:${sha256.replace(/g=$/, "h=")}:`],
    ["a stray bit after the last byte, of md5", `md5=:${md5.replace(/A==$/, "B==")}:`],
    ["a space inside", `md5=:${md5.slice(0, 5)} ${md5.slice(5)}:`],
    ["a space before it", `md5=: ${md5}:`],
    ["a space before the equals sign", `md5 =:${md5}:`],
    ["a space after the equals sign", `md5= :${md5}:`],
    ["the url alphabet", `sha-256=:${sha256.replace("/", "_")}:`],
    ["the dash of the url alphabet", `md5=:${md5.replace("+", "-").replace("/", "-")}:`],
    ["padding in the middle", `md5=:UFIa=regE76D7gDe0/n0JA==:`],
    ["no closing colon", `md5=:${md5}`],
    ["no opening colon", `md5=${md5}:`],
    ["no colons, as in the Digest field of old", `md5=${md5}`],
    ["something after the closing colon", `md5=:${md5}:x`],
    ["a canonical copy in a parameter of a value that is not", `md5=:${md5.slice(0, -1)}:;copy=:${md5}:`],
    ["a canonical copy in a parameter of the same name", `md5=:${md5.slice(0, -1)}:;md5=:${md5}:`],
  ])("%s", (_what, line) => {
    const { digests, faults } = parseDigestField([line]);
    expect([digests.size, faults.length]).toEqual([0, 1]);
  });
});

describe("refused as malformed is also", () => {
  test.each([
    ["an empty digest", "md5=::", "a digest of 16 bytes was expected, not 0"],
    ["a digest that is too short", "sha-256=:AAAA:", "a digest of 32 bytes was expected, not 3"],
    ["a digest of another algorithm", `sha-256=:${md5}:`, "a digest of 32 bytes was expected, not 16"],
    ["a digest that is too long", `md5=:${sha256}:`, "a digest of 16 bytes was expected, not 32"],
    ["a string", `md5="${md5}"`, "not a byte sequence in canonical base64"],
    ["a token", "md5=abc", "not a byte sequence in canonical base64"],
    ["an integer", "md5=7", "not a byte sequence in canonical base64"],
    ["a key without a value", "md5", "not a byte sequence in canonical base64"],
    ["a list of byte sequences", `md5=(:${md5}: :${md5}:)`, "not a byte sequence in canonical base64"],
    ["a key in upper case", `MD5=:${md5}:`, "not a dictionary of byte sequences"],
    ["a comma at the end", `md5=:${md5}:,`, "not a dictionary of byte sequences"],
    ["a comma at the beginning", `,md5=:${md5}:`, "not a dictionary of byte sequences"],
    ["two commas", `md5=:${md5}:,,sha-256=:${sha256}:`, "not a dictionary of byte sequences"],
    ["a semicolon for a comma", `md5=:${md5}:; sha-256:${sha256}:`, "not a dictionary of byte sequences"],
    ["a string that never ends", `x="a, md5=:${md5}:`, "not a dictionary of byte sequences"],
    ["a bad member after a good one", `md5=:${md5}:, !`, "not a dictionary of byte sequences"],
    ["a bad member of an unknown algorithm", `unixsum=:A, md5=:${md5}:`, "not a dictionary of byte sequences"],
    [
      "NBSP around it, which HTTP does not know as whitespace",
      `\u00a0md5=:${md5}:`,
      "not a dictionary of byte sequences",
    ],
  ])("%s", (_what, line, reason) => {
    expect(parseDigestField([line]).faults).toEqual([expect.objectContaining({ reason })]);
  });

  test("and the fault names the algorithm where it is about one", () => {
    expect(parseDigestField([`md5=:${md5}:, sha-256=:AAAA:`])).toEqual({
      digests: new Map([["md5", Buffer.from(md5, "base64")]]),
      unknown: [],
      faults: [{ algorithm: "sha-256", reason: "a digest of 32 bytes was expected, not 3" }],
    });
  });
});
