import { describe, expect, test } from "vitest";

import { decideVerdict, FieldLines, integrityFieldNames, verifyingFields } from "../src/index.ts";
import { computed, lines, member, tampered, values } from "./message.ts";

const allRight = FieldLines.from(integrityFieldNames.map((name) => [name, values[name].right]));

describe("one bad field among good ones decides", () => {
  test.each(integrityFieldNames)("%s that does not hold: mismatched", (field) => {
    const trailer = allRight.without((name) => name === field).with(field, values[field].wrong);
    expect(decideVerdict({ header: FieldLines.empty, trailer, computed }).name).toBe("mismatched");
  });

  test.each(integrityFieldNames)("%s that cannot be understood: malformed", (field) => {
    const trailer = allRight.without((name) => name === field).with(field, values[field].garbled);
    expect(decideVerdict({ header: FieldLines.empty, trailer, computed }).name).toBe("malformed");
  });

  test.each(["Content-Digest", "Repr-Digest"])("one algorithm among three in %s", (field) => {
    const good = [member(computed, "md5"), member(computed, "sha-256")];
    const verdictOf = (other: string) =>
      decideVerdict({ header: FieldLines.empty, trailer: lines([field, [...good, other].join(", ")]), computed }).name;
    expect(verdictOf(member(computed, "crc32"))).toBe("verified");
    expect(verdictOf(member(tampered, "crc32"))).toBe("mismatched");
    expect(verdictOf("crc32=:AAAA:")).toBe("malformed");
    expect(verdictOf("unixsum=:AAAA:")).toBe("verified");
  });
});

describe("header and trailer are judged apart", () => {
  test.each(integrityFieldNames)("%s, the same in both: what it is in one", (field) => {
    const both = lines([field, values[field].right]);
    const name = field === "Size" ? "unverified" : "verified";
    expect(decideVerdict({ header: both, trailer: both, computed }).name).toBe(name);
    const wrong = lines([field, values[field].wrong]);
    expect(decideVerdict({ header: wrong, trailer: wrong, computed }).name).toBe("mismatched");
  });

  test.each(integrityFieldNames)("%s, different in header and trailer: malformed, whichever of them holds", (field) => {
    const right = lines([field, values[field].right]);
    const wrong = lines([field, values[field].wrong]);
    for (const [header, trailer] of [
      [right, wrong],
      [wrong, right],
    ] as const) {
      expect(decideVerdict({ header, trailer, computed })).toMatchObject({
        name: "malformed",
        malformed: [{ field, section: "trailer", reason: "differs between header and trailer" }],
      });
    }
  });

  test("one field by different algorithms in header and trailer is not a contradiction", () => {
    const header = lines(["Repr-Digest", member(computed, "md5")]);
    const trailer = lines(["Repr-Digest", member(computed, "sha-256")]);
    expect(decideVerdict({ header, trailer, computed }).name).toBe("verified");
  });

  test("a contradiction counts although that algorithm was not computed", () => {
    const header = lines(["Repr-Digest", member(computed, "sha")]);
    const trailer = lines(["Repr-Digest", member(tampered, "sha")], ["Md5", values.Md5.right]);
    const md5 = { size: computed.size, values: new Map([...computed.values].filter(([name]) => name === "md5")) };
    expect(decideVerdict({ header, trailer, computed: md5 }).malformed).toEqual([
      { field: "Repr-Digest", section: "trailer", algorithm: "sha", reason: "differs between header and trailer" },
    ]);
  });

  test("a bad header field is not made good by a trailer", () => {
    const header = lines(["Content-Digest", values["Content-Digest"].wrong]);
    expect(decideVerdict({ header, trailer: lines(["Md5", values.Md5.right]), computed }).name).toBe("mismatched");
  });
});

describe("where several things are wrong", () => {
  const garbled = lines(["Md5", values.Md5.garbled]);
  const wrong = lines(["Repr-Digest", values["Repr-Digest"].wrong]);
  const announced = lines(["Trailer", "Size"]);

  test("malformed comes before mismatched and missing", () => {
    const verdict = decideVerdict({ header: announced, trailer: FieldLines.from([...garbled, ...wrong]), computed });
    expect(verdict).toMatchObject({ name: "malformed", missing: ["Size"], malformed: [{ field: "Md5" }] });
    expect(verdict.checked).toHaveLength(1);
  });

  test("mismatched comes before missing", () => {
    expect(decideVerdict({ header: announced, trailer: wrong, computed }).name).toBe("mismatched");
  });

  test("missing comes before verified", () => {
    expect(decideVerdict({ header: announced, trailer: lines(["Md5", values.Md5.right]), computed }).name).toBe(
      "missing",
    );
  });
});

describe("a part of a representation", () => {
  const ofWhole = integrityFieldNames.filter((field) => !["Md5", "Size", "Content-Digest"].includes(field));
  const cases = ofWhole.flatMap((field) =>
    (["right", "wrong", "garbled"] as const).map((state) => [state, field] as const),
  );

  test.each(cases)("is not judged by a %s %s", (state, field) => {
    const header = lines([field, values[field][state]], ["Trailer", field]);
    const verdict = decideVerdict({ header, computed, content: "part" });
    expect(verdict).toMatchObject({ name: "unverified", checked: [], malformed: [], missing: [], unsupported: [] });
    const trailer = lines(["Content-Digest", values["Content-Digest"].right]);
    expect(decideVerdict({ header, trailer, computed, content: "part" }).name).toBe("verified");
  });

  test("is judged by its own Content-Digest", () => {
    const header = lines(["Content-Digest", values["Content-Digest"].wrong]);
    expect(decideVerdict({ header, computed, content: "part" }).name).toBe("mismatched");
  });
});

test("a verdict names the fields by which it was reached, each once", () => {
  const trailer = allRight.with("Content-Digest", member(computed, "md5")).with("X-Other", "1");
  const verdict = decideVerdict({ header: lines(["Md5", values.Md5.right]), trailer, computed });
  expect(verifyingFields(verdict)).toEqual(integrityFieldNames);
  expect(verdict.algorithms.slice(0, 4)).toEqual(["sha-512", "sha-256", "sha", "md5"]);
  const bad = decideVerdict({ header: lines(["Md5", values.Md5.wrong], ["Size", values.Size.right]), computed });
  expect(verifyingFields(bad)).toEqual(["Size"]);
  expect(bad.algorithms).toEqual([]);
});
