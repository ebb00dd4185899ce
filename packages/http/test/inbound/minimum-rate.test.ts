import { expect, test } from "vitest";

import { MinimumRate } from "../../src/inbound/minimum-rate.ts";

const SECOND = 1_000;

test("a rate is averaged over ten seconds, again and again", () => {
  const rate = new MinimumRate(10);
  const looks = Array.from({ length: 31 }, (_, second) =>
    rate.isMissed(second * SECOND, Math.min(second, 20) * 10, true),
  );
  expect(looks.indexOf(true)).toBe(30);
});

test("time in which the peer is not waited for does not count", () => {
  const rate = new MinimumRate(10);
  const looks = Array.from({ length: 60 }, (_, second) => rate.isMissed(second * SECOND, 0, second % 9 !== 0));
  expect(looks).not.toContain(true);
});

test("a rate of 0 is never missed", () => {
  const rate = new MinimumRate(0);
  expect([rate.isMissed(0, 0, true), rate.isMissed(100 * SECOND, 0, true)]).toEqual([false, false]);
});
