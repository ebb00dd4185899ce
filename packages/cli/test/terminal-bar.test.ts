import type { Progress } from "@trailsum/client";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { downloadPhases, type FileProgress, uploadPhases } from "../src/terminal/progress-bar.ts";
import { TerminalBar } from "../src/terminal/terminal-bar.ts";
import { screenOf } from "./support/screen.ts";

let written: string;
let now: number;
let bar: TerminalBar | undefined;
let file: FileProgress;
let transferred: number;

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
  bar = new TerminalBar({ columns, write: (text) => (written += text) }, uploadPhases, () => now);
  return bar;
}

/** The line as it was drawn last. */
const line = (): string => written.slice(written.lastIndexOf("\r") + 1).replace("\u001b[K", "");

/** Begins a file of so many bytes. */
function begin(drawing: TerminalBar, bytes: number, name = "name"): void {
  drawing.found(bytes);
  file = drawing.begin(name, bytes);
  transferred = 0;
}

/** Content is sent, and was sent whole with the last byte. */
function sent(bytes: number, total: number): Progress {
  return { transferred: bytes, total, phase: bytes === total ? "verifying" : "transferring" };
}

/** Transfers so many more bytes of it after a time. */
function transfer(bytes: number, milliseconds: number): void {
  now += milliseconds;
  file.advance({ transferred: (transferred += bytes), total: undefined, phase: "transferring" });
}

test("a bar writes nothing but its line, from its start to its end", () => {
  const drawing = started();
  begin(drawing, 3_000_000);
  for (let at = 0; at < 30; at += 1) transfer(100_000, 100);
  drawing.erase();
  transfer(0, 100);
  drawing.end();
  expect(written.replaceAll("\u001b[K", "|")).toMatch(/^(?:\r[ =\w%./]*\|)+$/);
  expect(screenOf(`before\n${written}after`).lines).toEqual(["before", "after"]);
  expect(vi.getTimerCount()).toBe(0);
});

test("a bar is redrawn ten times a second, whatever is transferred", () => {
  const drawing = started();
  begin(drawing, 1_000_000);
  for (let at = 0; at < 1_000; at += 1) transfer(1_000, 1);
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
    begin(drawing, total);
    transfer(first, 1_000);
    expect(line()).toBe(text);
  });

  test("how far one file is", () => {
    const drawing = started();
    begin(drawing, 1_000);
    transfer(500, 1_000);
    expect(line()).toBe(`${"=".repeat(15)}${" ".repeat(15)} 50%  500 B of 1000 B  500 B/s  1s left`);
  });

  test("the rate of the last seconds, not of all", () => {
    const drawing = started();
    begin(drawing, 100_000);
    for (let at = 0; at < 20; at += 1) transfer(1_000, 1_000);
    for (let at = 0; at < 20; at += 1) transfer(10, 1_000);
    expect(line()).toContain("10 B/s");
  });

  test("several files, each with its line, and the total of all that were found", () => {
    const drawing = started();
    for (let at = 0; at < 3; at += 1) drawing.found(1_000);
    const [one, other] = [drawing.begin("photos/one", 1_000), drawing.begin("photos/other", 1_000)];
    one.advance(sent(500, 1_000));
    now += 1_000;
    other.advance(sent(1_000, 1_000));
    expect(screenOf(written).lines.map((text) => text.replaceAll(/ {2,}/g, "  "))).toEqual([
      "photos/one  50%  500 B of 1000 B",
      "photos/other  1000 B  waiting for the verdict",
      "0/3 files  1.46 KiB of 2.93 KiB  1.46 KiB/s  1s left",
    ]);
    // One that is sent again moves nothing backwards.
    now += 1_000;
    one.advance(sent(10, 1_000));
    other.end("complete");
    expect(screenOf(written).lines[2]).toContain("1.46 KiB of 2.93 KiB");
    now += 20_000;
    one.advance(sent(510, 1_000));
    now += 10_000;
    file = drawing.begin("last", 1_000);
    file.advance(sent(0, 1_000));
    const lines = screenOf(written).lines.map((text) => text.replaceAll(/ {2,}/g, "  "));
    expect(lines[0]).toBe("photos/one  51%  510 B of 1000 B  stalled 10s");
    expect(lines[1]).toMatch(/^last {2}0%/);
    one.end("failed");
    file.end("complete");
    drawing.skip();
    drawing.end();
    expect(screenOf(`before\r\n${written}`).lines).toEqual([
      "before",
      expect.stringMatching(/^2 files, 1.47 KiB in 32s .*, 1 skipped, 1 failed$/),
    ]);
  });

  test("which phase a file is in, and how long it has stalled", () => {
    const drawing = started(60);
    drawing.found(1_000);
    drawing.found(1_000);
    drawing.begin("other", 1_000).end("complete");
    file = drawing.begin("one", 1_000);
    const shown = (phase: Progress["phase"], bytes: number, milliseconds = 1_000): string => {
      file.advance({ transferred: bytes, total: 1_000, phase });
      now += milliseconds;
      file.advance({ transferred: bytes, total: 1_000, phase });
      const [of = "", all = ""] = screenOf(written).lines.map((text) => text.replaceAll(/ {2,}/g, "  "));
      return [of, / files {2}(\S+ \S+) of/.exec(all)?.[1]].join(" | ");
    };
    expect(shown("hashing", 400)).toBe("one  40%  400 B of 1000 B  hashing | 0 B");
    expect(shown("resuming", 300)).toBe("one  30%  300 B of 1000 B  resuming | 300 B");
    expect(shown("transferring", 500)).toBe("one  50%  500 B of 1000 B | 500 B");
    expect(shown("transferring", 500, 6_000)).toBe("one  50%  500 B of 1000 B  stalled 7s | 500 B");
    expect(shown("retrying", 500)).toBe("one  50%  500 B of 1000 B  retrying | 500 B");
    expect(shown("retrying", 500, 9_000)).toBe("one  50%  500 B of 1000 B  retrying 10s | 500 B");
    expect(shown("transferring", 10)).toBe("one  50%  500 B of 1000 B  sending again | 500 B");
    expect(shown("verifying", 1_000)).toBe("one  1000 B  waiting for the verdict | 1000 B");
    expect(shown("verifying", 1_000, 6_000)).toBe("one  1000 B  waiting for the verdict 7s | 1000 B");
  });

  test("as many files as the terminal has lines, and leaves what was on it when it is resized", () => {
    const terminal = { columns: 60, rows: 6, write: (text: string) => (written += text) };
    bar = new TerminalBar(terminal, downloadPhases, () => now);
    const files = Array.from({ length: 10 }, (_, at) => {
      bar!.found(1_000);
      return bar!.begin(`a name that is rather long, so that it must be cut ${at}`, 1_000);
    });
    files[0]!.advance(sent(10, 1_000));
    const { lines } = screenOf(written);
    expect(lines).toHaveLength(5);
    expect(Math.max(...lines.map((text) => text.length))).toBeLessThan(60);
    expect(lines[4]).toMatch(/^0\/10 files/);
    terminal.columns = 40;
    // Each line of 59 columns has become two, but for the short last one.
    written = "";
    bar.erase();
    const wrapped = lines.map((text) => Math.ceil(text.length / 40)).reduce((sum, rows) => sum + rows, 0);
    expect(written).toBe(`\r\u001b[${wrapped - 1}A\u001b[J`);
  });

  test("what fits, on a narrow terminal and on one that does not know its width", () => {
    for (const [columns, width] of [
      [20, 19],
      [40, 39],
      [0, 79],
    ] as const) {
      written = "";
      const drawing = started(columns);
      begin(drawing, 1_000_000_000);
      transfer(123_456, 1_000);
      expect(line().length).toBeLessThanOrEqual(width);
      expect(line()).toContain("0%  121 KiB of");
      drawing.end();
    }
  });
});
