import * as fc from "fast-check";
import { expect, test } from "vitest";

import { decideVerdict, integrityFieldNames, type VerdictName } from "../src/index.ts";
import { type RandomMessage, randomMessage, type Said } from "./random-message.ts";

/** The verdict by the words of the design, from the description of a message and not from its bytes. */
function oracle({ said, announced, require, content }: RandomMessage): VerdictName {
  const ofContent = new Set(["Md5", "Size", "Content-Digest"]);
  const counts = (field: string): boolean => content === "whole" || ofContent.has(field);
  const heard = said.filter(({ field }) => counts(field));

  const contradicts = (one: Said, other: Said): boolean =>
    one.field === other.field && one.algorithm === other.algorithm && one.state === "right" && other.state === "wrong";
  if (heard.some((one) => one.state === "garbled" || heard.some((other) => contradicts(one, other))))
    return "malformed";

  if (heard.some(({ state }) => state === "wrong")) return "mismatched";

  const dropped = announced.filter((name) => counts(name) && !heard.some(({ field }) => field === name));
  const lacking = require.filter((name) => !heard.some(({ field, state }) => field === name && state === "right"));
  if (dropped.length + lacking.length > 0) return "missing";

  return heard.some(({ field, state }) => field !== "Size" && state === "right") ? "verified" : "unverified";
}

test("verified means: nothing wrong, nothing garbled, nothing missing, and at least one right digest", () => {
  fc.assert(
    fc.property(randomMessage, (message) => {
      const { said, announced, require, content, evidence } = message;
      fc.pre(content === "whole");
      const well =
        said.every(({ state }) => state !== "wrong" && state !== "garbled") &&
        announced.every((name) => said.some(({ field }) => field === name)) &&
        require.every((name) => said.some(({ field, state }) => field === name && state === "right")) &&
        said.some(({ field, state }) => field !== "Size" && state === "right");
      expect(decideVerdict(evidence).name === "verified").toBe(well);
    }),
    { numRuns: 3_000 },
  );
});

test("every verdict is the one that the design's table gives", () => {
  fc.assert(
    fc.property(randomMessage, (message) => {
      expect(decideVerdict(message.evidence).name).toBe(oracle(message));
    }),
    { numRuns: 5_000 },
  );
});

test("the random messages come to every verdict, so that the two tests above say something", () => {
  const seen = fc
    .sample(randomMessage, { numRuns: 2_000, seed: 1 })
    .map(({ evidence }) => decideVerdict(evidence).name);
  expect([...new Set(seen)].toSorted()).toEqual(["malformed", "mismatched", "missing", "unverified", "verified"]);
});

test("what a stranger writes into the fields never makes the judge throw", () => {
  const value = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("", ",", "md5=:AAAA:", "__proto__", "1"));
  const name = fc.constantFrom(
    ...integrityFieldNames,
    "size",
    "repr-digest",
    "Trailer",
    "Content-Encoding",
    "__proto__",
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(name, value)),
      fc.array(fc.tuple(name, value)),
      randomMessage,
      (one, other, message) => {
        const { evidence } = message;
        const header = one.reduce((lines, [key, text]) => lines.with(key, text), evidence.header);
        const trailer = other.reduce((lines, [key, text]) => lines.with(key, text), evidence.trailer!);
        expect(() => decideVerdict({ ...evidence, header, trailer })).not.toThrow();
      },
    ),
  );
});
