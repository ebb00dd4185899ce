import { describe, expect, test } from "vitest";

import { decideVerdict, FieldLines, integrityFieldNames } from "../src/index.ts";
import { computed, content, digestsOf, lines, member, values } from "./message.ts";

const sent = lines(["Md5", values.Md5.right], ["Size", values.Size.right]);

describe.each(integrityFieldNames)("%s was announced", (field) => {
  const header = lines(["Trailer", `X-Other, ${field.toLowerCase()}`]);

  test("and never came: missing", () => {
    for (const trailer of [undefined, FieldLines.empty, lines(["X-Other", "1"])]) {
      expect(decideVerdict({ header, ...(trailer && { trailer }), computed })).toMatchObject({
        name: "missing",
        missing: [field],
      });
    }
  });

  test("and was merged into the header by a hop: nothing is missing", () => {
    const merged = header.with(field, values[field].right);
    const verdict = decideVerdict({ header: merged, trailer: FieldLines.empty, computed });
    expect([verdict.name, verdict.missing]).toEqual([field === "Size" ? "unverified" : "verified", []]);
  });

  test("and was merged into the header by a hop, and is wrong: mismatched", () => {
    const merged = header.with(field, values[field].wrong);
    expect(decideVerdict({ header: merged, computed }).name).toBe("mismatched");
  });

  test("and came, where all else was dropped: nothing is missing", () => {
    const verdict = decideVerdict({ header, trailer: lines([field.toUpperCase(), values[field].right]), computed });
    expect([verdict.name, verdict.missing]).toEqual([field === "Size" ? "unverified" : "verified", []]);
  });

  test("and never came, though all the others hold: missing", () => {
    const others = integrityFieldNames.filter((name) => name !== field);
    const trailer = FieldLines.from(others.map((name) => [name, values[name].right]));
    expect(decideVerdict({ header, trailer, computed })).toMatchObject({ name: "missing", missing: [field] });
  });
});

describe("announced, and came with nothing in it", () => {
  test.each(["Content-Digest", "Repr-Digest"])("%s: missing, for it says nothing", (field) => {
    for (const empty of ["", " ", "\t"]) {
      const verdict = decideVerdict({
        header: lines(["Trailer", `${field}, Md5`]),
        trailer: sent.with(field, empty),
        computed,
      });
      expect(verdict).toMatchObject({ name: "missing", missing: [field] });
    }
  });

  test.each(["Md5", "Size", "Content-MD5"])("%s: malformed, for it must have a value", (field) => {
    const verdict = decideVerdict({ header: lines(["Trailer", field]), trailer: lines([field, ""]), computed });
    expect(verdict.name).toBe("malformed");
  });

  test("a digest of an unknown algorithm did come", () => {
    const trailer = lines(["Content-Digest", "unixsum=:GQU=:"]);
    const verdict = decideVerdict({ header: lines(["Trailer", "Content-Digest"]), trailer, computed });
    expect([verdict.name, verdict.missing]).toEqual(["unverified", []]);
  });
});

describe("required", () => {
  test.each(["header", "trailer"] as const)("and there in the %s: verified", (section) => {
    const verdict = decideVerdict({ header: FieldLines.empty, [section]: sent, computed, require: ["Md5", "Size"] });
    expect([verdict.name, verdict.missing]).toEqual(["verified", []]);
  });

  test("and not there, though another digest holds: missing", () => {
    const verdict = decideVerdict({ header: sent, computed, require: ["Md5", "Repr-Digest"] });
    expect([verdict.name, verdict.missing]).toEqual(["missing", ["Repr-Digest"]]);
  });

  test("and nothing there at all: missing, and no longer merely unverified", () => {
    const verdict = decideVerdict({ header: FieldLines.empty, computed, require: ["Size"] });
    expect([verdict.name, verdict.missing]).toEqual(["missing", ["Size"]]);
  });

  test("and announced and never came: missing, reported once", () => {
    const verdict = decideVerdict({ header: lines(["Trailer", "Md5"]), computed, require: ["Md5", "Md5"] });
    expect(verdict.missing).toEqual(["Md5"]);
  });

  test.each([
    ["not known here", "unixsum=:GQU=:"],
    ["not computed", member(computed, "sha-512")],
  ])("and there only by an algorithm that is %s: missing", async (_what, value) => {
    const md5 = await digestsOf(content, ["md5"]);
    const trailer = sent.with("Content-Digest", value);
    const verdict = decideVerdict({ header: FieldLines.empty, trailer, computed: md5, require: ["Content-Digest"] });
    expect([verdict.name, verdict.missing]).toEqual(["missing", ["Content-Digest"]]);
  });

  test("Size alone, and right: still unverified", () => {
    const trailer = lines(["Size", values.Size.right]);
    expect(decideVerdict({ header: FieldLines.empty, trailer, computed, require: ["Size"] }).name).toBe("unverified");
  });

  test("and there, but wrong: mismatched", () => {
    const trailer = lines(["Md5", values.Md5.wrong]);
    expect(decideVerdict({ header: FieldLines.empty, trailer, computed, require: ["Md5"] }).name).toBe("mismatched");
  });
});
