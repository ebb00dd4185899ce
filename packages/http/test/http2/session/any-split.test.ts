import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { eventsOf, fuzzConnection } from "../../../fuzz/connection.ts";
import { Random } from "../../../fuzz/random.ts";

const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 });

describe.each(["server", "client"] as const)("a %s", (role) => {
  test("gives the same events wherever its input is cut", () => {
    fc.assert(
      fc.property(seeds, seeds, fc.constantFrom(1, 9, 100, 10_000), (seed, cutting, largest) => {
        const random = new Random(cutting);
        const whole = eventsOf(role, seed, (left) => left);
        expect(eventsOf(role, seed, (left) => Math.min(left, 1 + random.below(largest)))).toEqual(whole);
      }),
      { numRuns: 300 },
    );
  });

  test("gives the same events when its input is cut at every octet", () => {
    for (let seed = 0; seed < 100; seed += 1) {
      expect(eventsOf(role, seed, () => 1)).toEqual(eventsOf(role, seed, (left) => left));
    }
  });

  // `pnpm fuzz` goes on with it.
  test("survives random peers and applications, and sends valid frames", () => {
    const run = (): void => {
      for (let seed = 0; seed < 2000; seed += 1) fuzzConnection(role, seed);
    };
    expect(run).not.toThrow();
  });
});

test("random peers both complete messages and break rules", () => {
  const events = Array.from({ length: 1000 }, (_, seed) => eventsOf("server", seed, (left) => left)).flat();
  const kinds = ["request", "trailers", "settings", "goaway", "pong", "reset"];
  expect(kinds.filter((kind) => events.filter((event) => event.startsWith(kind)).length < 10)).toEqual([]);
  expect(new Set(events.filter((event) => event.startsWith("closed "))).size).toBeGreaterThan(10);
});
