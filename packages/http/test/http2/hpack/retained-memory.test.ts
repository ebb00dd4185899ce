import { expect, test } from "vitest";

import { encodedBound, HpackEncoder } from "../../../src/http2/hpack/encoder.ts";
import { collectGarbage } from "../garbage.ts";

const SECTION = 16_384;

/** Lines whose values were cut from one field section, of which no two are alike. */
function linesOfSection(number: number): [name: string, value: string][] {
  const section = Buffer.alloc(SECTION, `${number}.`).toString("latin1");
  return Array.from({ length: 4 }, (_, at) => [`x-${at}`, section.slice(at, at + 40)]);
}

function send(encoder: HpackEncoder, lines: readonly [name: string, value: string][]): void {
  const length = lines.reduce((sum, [name, value]) => sum + encodedBound(name, value), 0);
  encoder.begin(Buffer.alloc(length), 0);
  for (const [name, value] of lines) encoder.line(name, value);
  encoder.end();
}

/** What the encoders of 20 connections hold in bytes, each of which has sent 64 sections so many times. */
function heldAfter(times: number): number {
  const encoders = Array.from({ length: 20 }, () => new HpackEncoder());
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (const encoder of encoders) {
    for (let number = 1000; number < 1064; number += 1) {
      const lines = linesOfSection(number);
      for (let time = 0; time < times; time += 1) send(encoder, lines);
    }
  }
  collectGarbage();
  const held = process.memoryUsage().heapUsed - before;
  // They are in use until here.
  for (const encoder of encoders) encoder.setTableLimit(0);
  return held;
}

test.each([
  ["once", 1],
  ["again, so that they enter the dynamic table", 2],
])("an encoder does not keep the sections that its lines were cut from, sent %s", (_name, times) => {
  heldAfter(times);
  // Three sections for each of them, of the 64: other tests of the process leave something in its heap, too.
  expect(heldAfter(times)).toBeLessThan(20 * 3 * SECTION);
});
