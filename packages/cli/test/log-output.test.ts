import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { createLogOutput, type WriteSync } from "../src/log/log-output.ts";

/** A system error as `node:fs` throws it. */
const systemError = (code: string): Error => Object.assign(new Error(code), { code });

/** An output that accepts as much as it is configured to. */
function device(): {
  write: WriteSync;
  written: () => string;
  readonly refuse: (code: string | undefined) => void;
  readonly take: (bytes: number) => void;
} {
  let text = "";
  let refusal: string | undefined;
  let room = Infinity;
  return {
    write(_descriptor, bytes) {
      if (refusal !== undefined) throw systemError(refusal);
      if (room === 0) throw systemError("ENOSPC");
      const taken = Math.min(room, bytes.byteLength);
      text += Buffer.from(bytes.subarray(0, taken)).toString();
      room -= taken;
      return taken;
    },
    written: () => text,
    refuse: (code) => (refusal = code),
    take: (bytes) => (room = bytes),
  };
}

const output = (write: WriteSync) => createLogOutput({ fd: 2 }, { write });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a line is written at once", () => {
  const { write, written } = device();
  output(write).write("line\n");
  expect(written()).toBe("line\n");
  expect(vi.getTimerCount()).toBe(0);
});

describe.each(["EAGAIN", "ENOSPC", "EPIPE", "EIO"])("an output that fails with %s", (code) => {
  test("keeps what fits, counts what does not, and reports it when it recovers", () => {
    const { write, written, refuse } = device();
    const log = output(write);
    log.write("first\n");
    refuse(code);
    const batch = `${"x".repeat(1_023)}\n`.repeat(64);
    for (let at = 0; at < 32; at += 1) log.write(batch);
    expect(written()).toBe("first\n");
    refuse(undefined);
    vi.advanceTimersByTime(1_000);
    const kept = 16;
    expect(written()).toBe(
      `first\n${batch.repeat(kept)}trailsum: ${(32 - kept) * 64} lines of the log were dropped: it could not be written\n`,
    );
    log.write("last\n");
    expect(written().endsWith("could not be written\nlast\n")).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("leaves no line out before its report", () => {
    const { write, written, refuse } = device();
    const log = output(write);
    refuse(code);
    log.write("kept\n");
    log.write(`${"x".repeat(1_048_575)}\n`);
    log.write("short\n");
    log.write("short\n");
    refuse(undefined);
    vi.advanceTimersByTime(1_000);
    expect(written()).toBe("kept\ntrailsum: 3 lines of the log were dropped: it could not be written\n");
  });
});

test("a disk that fills up in the middle of a line gets the rest of it later", () => {
  const { write, written, take } = device();
  const log = output(write);
  take(10);
  log.write("the first line\n");
  log.write("the second line\n");
  expect(written()).toBe("the first ");
  take(Infinity);
  vi.advanceTimersByTime(1_000);
  expect(written()).toBe("the first line\nthe second line\n");
});
