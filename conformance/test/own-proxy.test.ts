import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { cases } from "../src/cases/index.ts";
import { combinationId, combinationTitle } from "../src/combination.ts";
import type { ConformanceCase } from "../src/conformance-case.ts";
import { type OwnProxies, spoken, startOwnProxies } from "../src/own-proxy.ts";
import { casesOf, combinationsOf } from "../src/playable.ts";
import { runCase } from "../src/run-case.ts";

/** What a case comes to: what went wrong, or this. */
const KEPT = "kept";

/** What this proxy does not do, and why. A case that turns out to be kept after all fails here. */
const LIMITS: Readonly<Record<string, string>> = {
  "targets/method-unknown@1.1-1.1": "Node's parser refuses methods that are not on its list",
};

for (const combination of spoken) {
  describe(`${combinationTitle(combination)}`, () => {
    let own: OwnProxies;
    const asked = casesOf(cases, combination);
    const key = ({ id }: ConformanceCase): string => `${id}@${combinationId(combination)}`;
    const kept = asked.filter((one) => !(key(one) in LIMITS));

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

    const limits = asked.filter((one) => key(one) in LIMITS);
    describe.runIf(limits.length > 0)("not yet", () => {
      test.for(limits)("$id", async (one) => {
        expect(await play(one)).not.toBe(KEPT);
      });
    });
  });
}

test("no two cases have the same id", () => {
  expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length);
});

test("every case can be played in some combination", () => {
  const nowhere = cases.filter((one) => combinationsOf(one).length === 0);
  expect(nowhere.map(({ id }) => id)).toEqual([]);
});
