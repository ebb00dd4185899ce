import { type Combination, combinationId } from "./combination.ts";
import type { ConformanceCase } from "./conformance-case.ts";
import { startOwnProxies } from "./own-proxy.ts";
import { type Outcomes, playAll, TIMEOUT } from "./play-all.ts";
import { casesOf } from "./playable.ts";
import { runCase } from "./run-case.ts";
import type { Score } from "./score.ts";

/** This project's own proxy, in this process, with every setup. */
export async function askOwn(
  cases: readonly ConformanceCase[],
  version: string,
  combinations: readonly Combination[],
): Promise<Score> {
  const outcomes: Record<string, Outcomes> = {};
  const setups = new Set(cases.map(({ setup }) => setup));
  for (const combination of combinations) {
    const own = await startOwnProxies(combination.origin, setups);
    outcomes[combinationId(combination)] = await playAll(casesOf(cases, combination), (one) =>
      runCase(one, { ...own.bench(one.setup), combination, timeout: TIMEOUT }),
    );
    await own.stop();
  }
  return { name: "trailsum", version, outcomes };
}
