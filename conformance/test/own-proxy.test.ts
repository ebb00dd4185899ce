import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { cases } from "../src/cases/index.ts";
import { combinations } from "../src/combination.ts";
import type { ConformanceCase } from "../src/conformance-case.ts";
import { type OwnProxies, startOwnProxies } from "../src/own-proxy.ts";
import { casesOf, combinationsOf } from "../src/playable.ts";
import { runCase } from "../src/run-case.ts";

/** What a case comes to: what went wrong, or this. */
const KEPT = "kept";

describe.for(combinations)("HTTP/$client → HTTP/$origin", (combination) => {
  let own: OwnProxies;
  const asked = casesOf(cases, combination);

  beforeAll(async () => {
    own = await startOwnProxies(combination.origin, new Set(asked.map(({ setup }) => setup)));
  });
  afterAll(() => own.stop());

  const play = async (one: ConformanceCase): Promise<string> =>
    (await runCase(one, { ...own.bench(one.setup), combination, timeout: 20_000 })) ?? KEPT;

  describe.concurrent("together", () => {
    for (const one of asked.filter(({ alone }) => !alone)) {
      test(`${one.id}: ${one.title} (${one.rules.join(", ")})`, async () => {
        expect(await play(one)).toBe(KEPT);
      });
    }
  });

  describe("one by one", () => {
    for (const one of asked.filter(({ alone }) => alone)) {
      test(`${one.id}: ${one.title} (${one.rules.join(", ")})`, async () => {
        expect(await play(one)).toBe(KEPT);
      });
    }
  });
});

test("no two cases have the same id", () => {
  expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length);
});

test("every case can be played in some combination", () => {
  const nowhere = cases.filter((one) => combinationsOf(one).length === 0);
  expect(nowhere.map(({ id }) => id)).toEqual([]);
});
