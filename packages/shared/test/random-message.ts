import * as fc from "fast-check";

import {
  type Evidence,
  type FieldLine,
  FieldLines,
  type IntegrityFieldName,
  integrityFieldNames,
} from "../src/index.ts";
import { computed, member, tampered, values } from "./message.ts";

/** What a message says of one thing. */
type State = "right" | "wrong" | "garbled" | "unknown";

/** One thing that a message says, on one line of its own. */
export interface Said {
  readonly section: "header" | "trailer";
  readonly field: IntegrityFieldName;
  readonly algorithm: "md5" | "sha-256" | "none";
  readonly state: State;
}

/** A message described in words, and the same as a receiver gets it. */
export interface RandomMessage {
  readonly said: readonly Said[];
  readonly announced: readonly IntegrityFieldName[];
  readonly require: readonly IntegrityFieldName[];
  readonly content: "whole" | "part";
  readonly evidence: Evidence;
}

const section = fc.constantFrom("header" as const, "trailer" as const);
// Mostly right, so that messages in which all is well are no rarity.
const state = fc.constantFrom<State>("right", "right", "right", "right", "wrong", "garbled", "unknown");

const said: fc.Arbitrary<Said> = fc.oneof(
  fc.record({
    section,
    field: fc.constantFrom("Content-Digest" as const, "Repr-Digest" as const, "Unencoded-Digest" as const),
    algorithm: fc.constantFrom("md5" as const, "sha-256" as const),
    state,
  }),
  fc.record({
    section,
    field: fc.constantFrom(...integrityFieldNames.filter((name) => !/^(?:Content|Repr|Unencoded)-Digest$/.test(name))),
    algorithm: fc.constant("none" as const),
    state: state.filter((word) => word !== "unknown"),
  }),
);

const fields = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.subarray([...integrityFieldNames], { maxLength: 2 }) },
);

/** Messages with any integrity fields anywhere, each right, wrong, garbled or of an unknown algorithm. */
export const randomMessage: fc.Arbitrary<RandomMessage> = fc
  .record({
    said: fc.array(said, { maxLength: 5 }),
    announced: fields,
    require: fields,
    content: fc.constantFrom("whole" as const, "whole" as const, "part" as const),
  })
  .map((message) => Object.assign(message, { evidence: evidenceOf(message) }));

function evidenceOf({ said: all, announced, require, content }: Omit<RandomMessage, "evidence">): Evidence {
  const linesOf = (where: string): FieldLine[] =>
    all.filter((one) => one.section === where).map((one): FieldLine => [one.field, valueOf(one)]);
  return {
    header: FieldLines.from([...linesOf("header"), ["Trailer", announced.join(", ")]]),
    trailer: FieldLines.from(linesOf("trailer")),
    computed,
    require,
    content,
  };
}

function valueOf({ field, algorithm, state: word }: Said): string {
  if (algorithm === "none") return values[field][word === "unknown" ? "garbled" : word];
  if (word === "unknown") return "unixsum=:GQU=:";
  return word === "garbled" ? `${algorithm}=:AAAA` : member(word === "right" ? computed : tampered, algorithm);
}
