import type { Combination } from "./combination.ts";
import type { ConformanceCase } from "./conformance-case.ts";
import { type Outcomes, playAll, TIMEOUT } from "./play-all.ts";
import { casesOf } from "./playable.ts";
import { type Bench, runCase } from "./run-case.ts";
import { startOrigin } from "./scripted-origin.ts";

/** A proxy that is already running. */
export async function askAnyone(
  cases: readonly ConformanceCase[],
  proxy: Bench["proxy"],
  { originPort, combination }: { readonly originPort: number; readonly combination: Combination },
): Promise<Readonly<Outcomes>> {
  const origin = await startOrigin({ port: originPort, version: combination.origin });
  const asked = casesOf(cases, combination).filter(({ setup }) => setup === "usual");
  const outcomes = await playAll(asked, (one) => runCase(one, { combination, proxy, origin, timeout: TIMEOUT }));
  await origin.close();
  return outcomes;
}
