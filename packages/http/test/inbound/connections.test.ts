import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Connections, type ServedConnection } from "../../src/inbound/connections.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A connection that records its calls, and the time by which it is looked at. */
class Noting implements ServedConnection {
  readonly reported: string[] = [];
  readonly looks: number[] = [];

  check(now: number): void {
    this.looks.push(now);
  }

  stop(): void {
    this.reported.push("stop");
  }
}

test("connections look at one clock, about once a second, as long as there are any", () => {
  const connections = new Connections();
  expect(vi.getTimerCount()).toBe(0);
  const [one, other] = [new Noting(), new Noting()];
  connections.add(one);
  vi.advanceTimersByTime(3_000);
  connections.add(other);
  vi.advanceTimersByTime(2_000);
  expect(vi.getTimerCount()).toBe(1);
  expect([one.looks.length, other.looks]).toEqual([5, one.looks.slice(3)]);
  connections.delete(one);
  connections.delete(other);
  expect(vi.getTimerCount()).toBe(0);
});

test("the time is right after a while without connections", () => {
  const connections = new Connections();
  const one = new Noting();
  connections.add(one);
  connections.delete(one);
  vi.advanceTimersByTime(3_600_000);
  connections.add(one);
  vi.advanceTimersByTime(1_000);
  expect(one.looks).toEqual([performance.now()]);
});

test("when the server stops all of them are informed, and those that come later, too", () => {
  const connections = new Connections();
  const [one, late] = [new Noting(), new Noting()];
  connections.add(one);
  connections.stop();
  connections.add(late);
  expect([one.reported, late.reported, connections.stopping]).toEqual([["stop"], ["stop"], true]);
});
