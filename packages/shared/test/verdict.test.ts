import { describe, expect, test } from "vitest";

import { decideVerdict, FieldLines, integrityFieldNames } from "../src/index.ts";
import { computed, content, digestsOf, lines, member, tampered, values } from "./message.ts";

const digestFields = integrityFieldNames.filter((field) => field !== "Size");

describe.each(["header", "trailer"] as const)("one field, in the %s", (section) => {
  const verdictOf = (field: string, value: string) =>
    decideVerdict({ header: FieldLines.empty, [section]: lines([field, value]), computed });

  test.each(digestFields)("%s that holds: verified", (field) => {
    const verdict = verdictOf(field.toUpperCase(), values[field].right);
    expect(verdict).toMatchObject({ name: "verified", missing: [], malformed: [], unsupported: [], computed });
    expect(verdict.checked).toEqual([expect.objectContaining({ field, section, holds: true })]);
  });

  test("Size that holds: unverified, for other bytes could be as many", () => {
    const verdict = verdictOf("Size", values.Size.right);
    expect(verdict.name).toBe("unverified");
    expect(verdict.checked).toEqual([{ field: "Size", section, of: { size: content.length }, holds: true }]);
  });

  test.each(integrityFieldNames)("%s that does not hold: mismatched", (field) => {
    const verdict = verdictOf(field, values[field].wrong);
    expect(verdict.name).toBe("mismatched");
    expect(verdict.checked).toEqual([expect.objectContaining({ field, section, holds: false })]);
  });

  test.each(integrityFieldNames)("%s that cannot be understood: malformed", (field) => {
    const verdict = verdictOf(field, values[field].garbled);
    expect(verdict).toMatchObject({ name: "malformed", checked: [], malformed: [{ field, section }] });
  });

  test.each(integrityFieldNames)("%s twice with different values, one of which holds: malformed", (field) => {
    const { right, wrong } = values[field];
    for (const pair of [
      [right, wrong],
      [wrong, right],
    ] as const) {
      const twice = lines([field, pair[0]], [field.toLowerCase(), pair[1]]);
      expect(decideVerdict({ header: FieldLines.empty, [section]: twice, computed }).name).toBe("malformed");
      expect(verdictOf(field, pair.join(", ")).name).toBe("malformed");
    }
  });

  test.each(digestFields)("%s twice with the same value: verified", (field) => {
    expect(verdictOf(field, `${values[field].right}, ${values[field].right}`).name).toBe("verified");
  });
});

describe("nothing to go by: unverified", () => {
  test.each([
    ["no field at all", FieldLines.empty],
    ["fields that say nothing of the content", lines(["Content-Length", "3"], ["Digests", "MD5=x"], ["ETag", '"x"'])],
    ["a digest field that is empty", lines(["Content-Digest", ""])],
    ["announced trailers that say nothing of the content", lines(["Trailer", "X-Late, grpc-status"])],
  ])("%s", (_what, header) => {
    expect(decideVerdict({ header, trailer: FieldLines.empty, computed }).name).toBe("unverified");
    expect(decideVerdict({ header, computed }).name).toBe("unverified");
  });

  test.each([
    ["an algorithm that is not known here", "unixsum=:GQU=:", "unixsum"],
    ["an algorithm that was not computed", member(computed, "sha-512"), "sha-512"],
    ["a wrong digest of an algorithm that was not computed", member(tampered, "sha-512"), "sha-512"],
  ])("%s alone", async (_what, value, algorithm) => {
    const md5 = await digestsOf(content, ["md5"]);
    const verdict = decideVerdict({ header: FieldLines.empty, trailer: lines(["Repr-Digest", value]), computed: md5 });
    expect(verdict).toMatchObject({
      name: "unverified",
      unsupported: [{ field: "Repr-Digest", section: "trailer", algorithm }],
    });
  });

  test("but a digest that can be checked makes up for one that cannot", () => {
    const header = lines(["Content-Digest", `unixsum=:GQU=:, ${member(computed, "md5")}`]);
    expect(decideVerdict({ header, computed }).name).toBe("verified");
  });

  test("a digest of a known algorithm that was not computed may be wrong, so the others do not make up for it", async () => {
    const md5 = await digestsOf(content, ["md5"]);
    const header = lines(["Md5", values.Md5.right], ["Content-Digest", member(tampered, "sha-256")]);
    expect(decideVerdict({ header, computed: md5 }).name).toBe("unverified");
    // Unless the receiver has chosen not to check that algorithm at all.
    expect(decideVerdict({ header, computed: md5, supported: ["md5"] }).name).toBe("verified");
  });

  test("and a size that is wrong is wrong, even alone beside digests that cannot be checked", () => {
    const header = lines(["Content-Digest", "unixsum=:GQU=:"], ["Size", values.Size.wrong]);
    expect(decideVerdict({ header, computed }).name).toBe("mismatched");
  });
});

test("empty content is verified like any other", async () => {
  const nothing = await digestsOf(Buffer.of());
  const trailer = lines(["Md5", "d41d8cd98f00b204e9800998ecf8427e"], ["Size", "0"]);
  expect(decideVerdict({ header: FieldLines.empty, trailer, computed: nothing }).name).toBe("verified");
  expect(decideVerdict({ header: FieldLines.empty, trailer, computed }).name).toBe("mismatched");
});

test("bytes that were tampered with do not pass under the digests of what was sent", () => {
  for (const field of integrityFieldNames) {
    expect(decideVerdict({ header: lines([field, values[field].right]), computed: tampered }).name).toBe("mismatched");
  }
});
