import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { cases } from "../src/cases/index.ts";
import { type Combination, combinations } from "../src/combination.ts";
import type { ConformanceCase } from "../src/conformance-case.ts";
import { type OwnProxies, startOwnProxies } from "../src/own-proxy.ts";
import { casesOf, combinationsOf } from "../src/playable.ts";
import { runCase } from "../src/run-case.ts";

/** What a case comes to: what went wrong, or this. */
const KEPT = "kept";

/** What this proxy does not do, where, and why. A case that turns out to be kept after all fails here. */
const LIMITS: readonly (readonly [why: string, where: Partial<Combination>, ids: readonly string[]])[] = [];

function isLimit(id: string, { client, origin }: Combination): boolean {
  return LIMITS.some(
    ([, where, ids]) => ids.includes(id) && (where.client ?? client) === client && (where.origin ?? origin) === origin,
  );
}

describe.for(combinations)("HTTP/$client → HTTP/$origin", (combination) => {
  let own: OwnProxies;
  const asked = casesOf(cases, combination);
  const limits = asked.filter(({ id }) => isLimit(id, combination));
  const kept = asked.filter((one) => !limits.includes(one));

  beforeAll(async () => {
    own = await startOwnProxies(combination.origin, new Set(asked.map(({ setup }) => setup)));
  });
  afterAll(() => own.stop());

  const play = async (one: ConformanceCase): Promise<string> =>
    (await runCase(one, { ...own.bench(one.setup), combination, timeout: 5_000 })) ?? KEPT;

  describe.concurrent("together", () => {
    for (const one of kept.filter(({ alone }) => !alone)) {
      test(`${one.id}: ${one.title} (${one.rules.join(", ")})`, async () => {
        expect(await play(one)).toBe(KEPT);
      });
    }
  });

  describe("one by one", () => {
    for (const one of kept.filter(({ alone }) => alone)) {
      test(`${one.id}: ${one.title} (${one.rules.join(", ")})`, async () => {
        expect(await play(one)).toBe(KEPT);
      });
    }
  });

  describe.runIf(limits.length > 0)("not yet", () => {
    test.for(limits)("$id", async (one) => {
      expect(await play(one)).not.toBe(KEPT);
    });
  });
});

test("no two cases have the same id", () => {
  expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length);
});

test("every limit is one of a case", () => {
  const ids = new Set(cases.map(({ id }) => id));
  expect(LIMITS.flatMap(([, , limited]) => limited).filter((id) => !ids.has(id))).toEqual([]);
});

test("every case can be played in some combination", () => {
  const nowhere = cases.filter((one) => combinationsOf(one).length === 0);
  expect(nowhere.map(({ id }) => id)).toEqual([]);
});
