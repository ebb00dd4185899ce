import type { ConformanceCase } from "./conformance-case.ts";
import { type Outcome, outcomeOf } from "./score.ts";

/** How long proxies that are asked have, in milliseconds. Peers wait for a second: a longer wait counts as no answer. */
export const TIMEOUT = 2_000;
const AT_ONCE = 8;

/** What some cases came to, by their ids. */
export type Outcomes = Record<string, Outcome>;

/** Plays a case. Gives what went wrong; nothing when nothing did. */
export type Play = (one: ConformanceCase) => Promise<string | undefined>;

/** Plays cases, several at once, and then those that have to be alone. */
export async function playAll(cases: readonly ConformanceCase[], play: Play): Promise<Outcomes> {
  const outcomes: Outcomes = {};
  const queue = cases.filter(({ alone }) => !alone);
  const worker = async (): Promise<void> => {
    for (let one = queue.shift(); one !== undefined; one = queue.shift()) {
      outcomes[one.id] = outcomeOf(one, await play(one));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  for (const one of cases.filter(({ alone }) => alone)) outcomes[one.id] = outcomeOf(one, await play(one));
  return outcomes;
}
