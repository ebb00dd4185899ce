import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { type FieldLine, FieldLines } from "../src/index.ts";
import { lines } from "./message.ts";

const some: FieldLine[] = [
  ["Md5", "a"],
  ["size", ""],
  ["MD5", "b"],
  ["X-Empty", ""],
  ["md5", "a"],
];

describe("field lines", () => {
  test("keep order, duplicates, empty values and the case of names", () => {
    expect([...FieldLines.from(some)]).toEqual(some);
    expect(FieldLines.from(some).raw).toEqual(some.flat());
    expect(FieldLines.from(some)).toHaveLength(5);
  });

  test("are looked up in any case", () => {
    const fields = FieldLines.from(some);
    expect(fields.getAll("mD5")).toEqual(["a", "b", "a"]);
    expect(fields.get("MD5")).toBe("a, b, a");
    expect(fields.get("SIZE")).toBe("");
    expect([fields.has("x-empty"), fields.has("md"), fields.has("md55"), fields.has("")]).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect([fields.get("nothing"), fields.getAll("nothing")]).toEqual([undefined, []]);
  });

  test.each(["__proto__", "constructor", "toString", "hasOwnProperty", "length", "0"])(
    "may be called %s, and are found only when they are there",
    (name) => {
      expect(FieldLines.empty.has(name)).toBe(false);
      expect(FieldLines.from(some).getAll(name)).toEqual([]);
      expect([lines([name, "x"]).get(name), [...lines([name, "x"])]]).toEqual(["x", [[name, "x"]]]);
    },
  );

  test("are a list of tokens over all the lines of a name", () => {
    const fields = lines(
      ["Trailer", "Md5, Size,"],
      ["other", "x"],
      ["trailer", " ,\tContent-Digest "],
      ["Trailer", ""],
    );
    expect(fields.list("TRAILER")).toEqual(["Md5", "Size", "Content-Digest"]);
    expect(fields.list("nothing")).toEqual([]);
  });

  test("do not change: more or fewer are others", () => {
    const fields = FieldLines.from(some);
    expect(fields.with("Md5", "c").raw).toEqual([...some.flat(), "Md5", "c"]);
    expect(fields.without((name) => name === "MD5").raw).toEqual(some.filter(([name]) => name !== "MD5").flat());
    expect(FieldLines.empty.with("a", "b").raw).toEqual(["a", "b"]);
    expect([...fields]).toEqual(some);
    expect(FieldLines.empty).toHaveLength(0);
  });

  test("are set once, in any case: the first line is replaced in place, the others go", () => {
    const fields = FieldLines.from(some);
    expect([...fields.set("mD5", "c")]).toEqual([
      ["mD5", "c"],
      ["size", ""],
      ["X-Empty", ""],
    ]);
    expect(fields.set("Size", "1").raw).toEqual(
      some.flatMap(([name, value]) => (name === "size" ? ["Size", "1"] : [name, value])),
    );
    expect(fields.set("Authorization", "x").raw).toEqual([...some.flat(), "Authorization", "x"]);
    expect(fields.set("__proto__", "x").set("__PROTO__", "y").getAll("__proto__")).toEqual(["y"]);
    expect(FieldLines.empty.set("a", "b").raw).toEqual(["a", "b"]);
    expect([...fields]).toEqual(some);
  });

  test("are deleted in any case; without such lines the instance is the same", () => {
    const fields = FieldLines.from(some);
    expect([...fields.delete("mD5")]).toEqual([
      ["size", ""],
      ["X-Empty", ""],
    ]);
    expect(fields.delete("md5").delete("SIZE").delete("x-empty")).toBe(FieldLines.empty);
    expect(fields.delete("md")).toBe(fields);
    expect([...fields]).toEqual(some);
  });

  test("come from a flat list, and do not change when that list does", () => {
    const raw = some.flat();
    const fields = FieldLines.fromRaw(raw);
    raw[0] = "changed";
    raw.push("more", "of it");
    expect([...fields]).toEqual(some);
  });

  test("come from octets as latin1, octet for octet, whatever stands beneath them", () => {
    const octets = Buffer.from(Array.from({ length: 256 }, (_, octet) => octet));
    const view = new Uint8Array(Uint8Array.of(0x2e, 0x61, 0x62, 0x2e).buffer, 1, 2);
    const fields = FieldLines.fromRaw([Buffer.from("Md5"), octets, "Size", "1", "view", view]);
    expect(Buffer.from(fields.get("md5")!, "latin1")).toEqual(octets);
    expect([fields.get("size"), fields.get("view")]).toEqual(["1", "ab"]);
    expect(FieldLines.fromRaw([Uint8Array.of(0x41), Uint8Array.of(0xe9)]).get("a")).toBe("\u00e9");
  });

  test("are never made of an odd list", () => {
    expect(() => FieldLines.fromRaw(["Md5"])).toThrow(
      expect.objectContaining({
        name: "TrailsumError",
        code: "USAGE",
        message: expect.stringContaining("even number"),
      }),
    );
    expect(() => FieldLines.fromRaw(["a", "b", Buffer.from("c")])).toThrow("even number");
  });

  test("may be none", () => {
    expect([FieldLines.from([]), FieldLines.fromRaw([])]).toEqual([FieldLines.empty, FieldLines.empty]);
  });
});

describe("for any lines", () => {
  const line = fc.tuple(
    fc.oneof(fc.constantFrom("Md5", "md5", "MD5", "Size", "__proto__"), fc.string({ unit: "binary-ascii" })),
    fc.string({ unit: "binary-ascii" }),
  );

  test("what goes in comes out, by either way in", () => {
    fc.assert(
      fc.property(fc.array(line), (pairs) => {
        expect([...FieldLines.from(pairs)]).toEqual(pairs);
        expect([...FieldLines.fromRaw(pairs.flat())]).toEqual(pairs);
        expect([...FieldLines.fromRaw(pairs.flat().map((text) => Buffer.from(text, "latin1")))]).toEqual(pairs);
      }),
    );
  });

  test("setting a name leaves one line of it, deleting it none, and both leave the others in order", () => {
    fc.assert(
      fc.property(fc.array(line), line, (pairs, [name, value]) => {
        const others = pairs.filter(([other]) => other.toLowerCase() !== name.toLowerCase());
        const fields = FieldLines.from(pairs);
        expect([...fields.delete(name)]).toEqual(others);
        expect([...fields.set(name, value).delete(name)]).toEqual(others);
        expect(fields.set(name, value).getAll(name)).toEqual([value]);
      }),
    );
  });

  test("looking up a name finds what a plain search finds", () => {
    fc.assert(
      fc.property(fc.array(line), line, (pairs, [wanted]) => {
        const found = pairs.filter(([name]) => name.toLowerCase() === wanted.toLowerCase()).map(([, value]) => value);
        const fields = FieldLines.from(pairs);
        expect(fields.getAll(wanted)).toEqual(found);
        expect(fields.has(wanted)).toBe(found.length > 0);
        expect(fields.get(wanted)).toBe(found.length > 0 ? found.join(", ") : undefined);
      }),
    );
  });
});
