import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { TerminalBar } from "../src/terminal-bar.ts";
import { screenOf } from "./support/screen.ts";

let written: string;
let now: number;
let bar: TerminalBar | undefined;

beforeEach(() => {
  vi.useFakeTimers();
  written = "";
  now = 0;
});
afterEach(() => {
  bar?.end();
  vi.useRealTimers();
});

function started(columns = 100): TerminalBar {
  bar = new TerminalBar({ columns, write: (text) => (written += text) }, () => now);
  return bar;
}

/** The line as it was drawn last. */
const line = (): string => written.slice(written.lastIndexOf("\r") + 1).replace("\u001b[K", "");

function transfer(to: TerminalBar, bytes: number, milliseconds: number): void {
  now += milliseconds;
  to.add(bytes);
}

test("a bar writes nothing but its line, from its start to its end", () => {
  const drawing = started();
  drawing.expect(3_000_000);
  for (let at = 0; at < 30; at += 1) transfer(drawing, 100_000, 100);
  drawing.erase();
  transfer(drawing, 0, 100);
  drawing.end();
  expect(written.replaceAll("\u001b[K", "|")).toMatch(/^(?:\r[ =\w%./]*\|)+$/);
  expect(screenOf(`before\n${written}after`).lines).toEqual(["before", "after"]);
  expect(vi.getTimerCount()).toBe(0);
});

test("a bar is redrawn ten times a second, whatever is transferred", () => {
  const drawing = started();
  drawing.expect(1_000_000);
  for (let at = 0; at < 1_000; at += 1) transfer(drawing, 1_000, 1);
  expect(written.split("\r").length - 1).toBe(10);
});

describe("a bar shows", () => {
  test.each([
    [1_000, 100, "10%  100 B of 1000 B  100 B/s  9s left"],
    [1_000_000, 1_000, "0%  1000 B of 977 KiB  1000 B/s  16m39s left"],
    [10_000_000, 1_000, "0%  1000 B of 9.54 MiB  1000 B/s  2h46m left"],
    [100_000_000, 1_000, "0%  1000 B of 95.4 MiB  1000 B/s  1d3h left"],
    [1_000, 0, "0%  0 B of 1000 B  0 B/s"],
    [0, 0, "100%  0 B of 0 B  0 B/s"],
  ])("of %i bytes, of which %i came in the first second: %s", (total, first, text) => {
    const drawing = started(50);
    drawing.expect(total);
    transfer(drawing, first, 1_000);
    expect(line()).toBe(text);
  });

  test("how far one file is", () => {
    const drawing = started();
    drawing.expect(1_000);
    transfer(drawing, 500, 1_000);
    expect(line()).toBe(`${"=".repeat(15)}${" ".repeat(15)} 50%  500 B of 1000 B  500 B/s  1s left`);
  });

  test("the rate of the last seconds, not of all", () => {
    const drawing = started();
    drawing.expect(100_000);
    for (let at = 0; at < 20; at += 1) transfer(drawing, 1_000, 1_000);
    for (let at = 0; at < 20; at += 1) transfer(drawing, 10, 1_000);
    expect(line()).toContain("10 B/s");
  });

  test("of several files how many are complete, as their number is not known", () => {
    const drawing = started();
    for (let at = 0; at < 5; at += 1) {
      drawing.expect(100);
      transfer(drawing, 100, 100);
      drawing.complete();
    }
    transfer(drawing, 0, 100);
    expect(line()).toMatch(/^5 files {2}500 B {2}\d+ B\/s$/);
  });

  test("what fits, on a narrow terminal and on one that does not know its width", () => {
    for (const [columns, width] of [
      [20, 19],
      [40, 39],
      [0, 79],
    ] as const) {
      written = "";
      const drawing = started(columns);
      drawing.expect(1_000_000_000);
      transfer(drawing, 123_456, 1_000);
      expect(line().length).toBeLessThanOrEqual(width);
      expect(line()).toContain("0%  121 KiB of");
      drawing.end();
    }
  });
});
