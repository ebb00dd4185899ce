import * as fc from "fast-check";
import { parseDictionary } from "structured-headers";
import { expect, test } from "vitest";

import { type Algorithm, algorithms, digestLength, formatDigestField, parseDigestField } from "../src/index.ts";
import { computed } from "./message.ts";

const digestsOf = fc
  .uniqueArray(fc.constantFrom(...algorithms))
  .chain((names) => fc.tuple(...names.map((name) => fc.tuple(fc.constant(name), bytes(digestLength(name))))))
  .map((entries) => ({ size: 0, values: new Map<Algorithm, Buffer>(entries) }));

function bytes(length: number): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Buffer.from(array));
}

/** Text made of the pieces that a digest field is made of, put together in no good order. */
const almostAField = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "md5",
        "sha-256",
        "=",
        ":",
        ",",
        ", ",
        ";",
        '"',
        "\\",
        "%",
        '%"',
        "(",
        ")",
        "?1",
        "@1",
        "-",
        "\t",
      ),
      fc.constantFrom("AAAA", "UFIauregE76D7gDe0/n0JA==", "=:UFIauregE76D7gDe0/n0JA==:", "__proto__", "constructor"),
      fc.string({ maxLength: 3 }),
    ),
    { maxLength: 20 },
  )
  .map((pieces) => pieces.join(""));

test("what is formatted is parsed back, digest for digest and in order", () => {
  fc.assert(
    fc.property(digestsOf, (digests) => {
      const parsed = parseDigestField([formatDigestField(digests)]);
      expect([...parsed.digests]).toEqual([...digests.values]);
      expect([parsed.unknown, parsed.faults]).toEqual([[], []]);
    }),
  );
});

test("it is the same whether members stand on one line or on many", () => {
  fc.assert(
    fc.property(digestsOf, (digests) => {
      const lines = [...digests.values.keys()].map((name) => formatDigestField(digests, [name]));
      expect(parseDigestField(lines)).toEqual(parseDigestField([formatDigestField(digests)]));
    }),
  );
});

test("a digest of which any one character but the padding is changed is different or malformed, never the same", () => {
  const line = formatDigestField(computed, ["sha-256"]);
  const digest = computed.values.get("sha-256")!;
  fc.assert(
    fc.property(fc.nat(line.length - 1), fc.string({ unit: "binary-ascii", maxLength: 2 }), (at, text) => {
      fc.pre(text !== line[at]);
      const changed = line.slice(0, at) + text + line.slice(at + 1);
      const { digests, faults } = parseDigestField([changed]);
      const same = digests.get("sha-256")?.equals(digest) === true && faults.length === 0;
      // Whitespace and parameters after the value say nothing about it, nor does its padding.
      const value = [line, line.replace(/=:$/, ":")].some((equal) => changed.trim().startsWith(equal));
      expect(same && !value).toBe(false);
    }),
    { numRuns: 2_000 },
  );
});

test("no member of a dictionary is overlooked: every key that the general parser finds is accounted for", () => {
  const text = fc.string({ unit: fc.constantFrom("a", ",", ";", "=", ":", "%", "\\", '"', " ") });
  const string = text.map((inner) => JSON.stringify(inner));
  const displayString = text.map((inner) => `%"${inner.replaceAll(/["%]/g, "")}"`);
  const bare = fc.oneof(string, displayString, fc.constantFrom("1", "tok%en", ":AAAA:", "?1", '("a, b" c)'));
  const key = fc.constantFrom("md5", "sha-256", "a", "b", "c");
  const parameter = fc.tuple(fc.constantFrom("p", "q"), fc.oneof(string, displayString)).map((pair) => pair.join("="));
  const entry = fc
    .tuple(key, bare, fc.array(parameter, { maxLength: 2 }))
    .map(([name, value, parameters]) => [`${name}=${value}`, ...parameters].join(";"));
  const separator = fc.constantFrom(",", ", ", " ,", "\t,\t");
  fc.assert(
    fc.property(fc.array(entry, { minLength: 1, maxLength: 4 }), separator, (entries, comma) => {
      const line = entries.join(comma);
      const { unknown, faults } = parseDigestField([line]);
      const accounted = new Set([...unknown, ...faults.map(({ algorithm }) => algorithm)]);
      expect(accounted).toEqual(new Set(parseDictionary(line).keys()));
    }),
    { numRuns: 2_000 },
  );
});

test("nothing that anyone sends makes the parser throw", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(almostAField, fc.string({ unit: "binary" })), { maxLength: 4 }), (lines) => {
      const { digests, faults } = parseDigestField(lines);
      for (const [name, digest] of digests) expect(digest).toHaveLength(digestLength(name));
      expect(faults.length).toBeLessThanOrEqual(algorithms.length + 1);
    }),
    { numRuns: 5_000 },
  );
});

test("only what was computed is formatted, in the order that is asked for", () => {
  const { size, values } = computed;
  const some = { size, values: new Map([...values].filter(([name]) => name === "md5" || name === "crc32")) };
  expect(formatDigestField(some, ["sha-512", "crc32", "md5"])).toBe("crc32=:5zHk2Q==:, md5=:UFIauregE76D7gDe0/n0JA==:");
  expect(formatDigestField({ size, values: new Map() })).toBe("");
});
