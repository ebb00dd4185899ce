import { array, assert, constantFrom, oneof, property, tuple, uint8Array } from "fast-check";
import { expect, test } from "vitest";

import { HeldContent } from "../../../src/http2/index.ts";

const piece = oneof(
  uint8Array({ minLength: 1, maxLength: 40 }),
  uint8Array({ minLength: 1000, maxLength: 1100, size: "max" }),
);

test("what goes in comes out, in order, whatever is taken and put back meanwhile", () => {
  assert(
    property(array(tuple(piece, constantFrom("keep", "take", "return", "join")), { maxLength: 60 }), (steps) => {
      const held = new HeldContent();
      const given: Buffer[] = [];
      const taken: Buffer[] = [];
      const lengths: [joined: number, counted: number][] = [];
      for (const [octets, step] of steps) {
        given.push(Buffer.from(octets));
        held.push(Buffer.from(octets));
        if (step === "join") lengths.push([held.joined().length, held.length]);
        if (step === "keep" || step === "join") continue;
        const first = held.shift()!;
        if (step === "return") held.unshift(first.subarray(1));
        taken.push(step === "return" ? first.subarray(0, 1) : first);
      }
      taken.push(held.joined());
      expect(lengths.filter(([joined, counted]) => joined !== counted)).toEqual([]);
      expect(Buffer.concat(taken).equals(Buffer.concat(given))).toBe(true);
    }),
  );
});

test("single octets take no more memory than what they are copied into", () => {
  const held = new HeldContent();
  const read = Buffer.alloc(65_536, "x");
  for (let at = 0; at < 10_000; at += 1) held.push(read.subarray(at, at + 1));
  let pieces = 0;
  let kept = 0;
  for (let one = held.shift(); one !== undefined; one = held.shift()) {
    pieces += 1;
    kept += one.buffer.byteLength;
  }
  expect([pieces, kept]).toEqual([3, 3 * 4096]);
});

test("a small part of what was read is copied, and a large one is not", () => {
  const held = new HeldContent();
  const read = Buffer.alloc(65_536, "x");
  for (const part of [read.subarray(0, 2000), read.subarray(0, 20_000)]) held.push(part);
  expect([held.shift()!.buffer === read.buffer, held.shift()!.buffer === read.buffer]).toEqual([false, true]);
  expect([held.length, held.shift()]).toEqual([0, undefined]);
});
