import { combinationId, combinations } from "./combination.ts";
import type { ConformanceCase } from "./conformance-case.ts";
import { casesOf } from "./playable.ts";
import { count, type Outcome, type Score, type Verdict } from "./score.ts";

/** What is written of a proxy in one combination: what was kept is only counted; for the rest, what was seen is recorded. */
interface Written {
  readonly asked: number;
  readonly kept: number;
  /** By the id of the case. */
  readonly differs: Readonly<Record<string, string>>;
  readonly wrong: Readonly<Record<string, string>>;
}

interface WrittenScore {
  readonly name: string;
  readonly version: string;
  /** By the id of the combination. */
  readonly combinations: Readonly<Record<string, Written>>;
}

/** The length of what is recorded. */
const REPORTED_LENGTH = 100;

/** The scores as JSON. */
export function resultsText(scores: readonly Score[]): string {
  const reported = scores.map(({ name, version, outcomes }): WrittenScore => {
    const byId = Object.entries(outcomes).map(([id, some]) => [id, written(some)] as const);
    return { name, version, combinations: Object.fromEntries(byId) };
  });
  return `${JSON.stringify(reported, undefined, 1)}\n`;
}

function written(outcomes: Readonly<Record<string, Outcome>>): Written {
  const seen = (wanted: Verdict): Record<string, string> =>
    Object.fromEntries(
      Object.entries(outcomes)
        .filter(([, { verdict }]) => verdict === wanted)
        .map(([id, outcome]): [string, string] => [id, outcome.seen?.slice(0, REPORTED_LENGTH) ?? ""])
        .toSorted(([one], [other]) => one.localeCompare(other, "en")),
    );
  const { asked, kept } = count(Object.values(outcomes));
  return { asked, kept, differs: seen("differs"), wrong: seen("wrong") };
}

/**
 * The scores from what was written of them; `cases` reports what a proxy is asked. Throws where one was asked something else:
 * then it has to be asked again.
 */
export function readResults(text: string, cases: (name: string) => readonly ConformanceCase[]): Score[] {
  return (JSON.parse(text) as WrittenScore[]).map(({ name, version, combinations: reported }) => {
    const outcomes: Record<string, Record<string, Outcome>> = {};
    for (const combination of combinations) {
      const id = combinationId(combination);
      const asked = casesOf(cases(name), combination);
      const before = reported[id];
      if (before === undefined) continue;
      if (asked.length !== before.asked) {
        throw new Error(
          `${name} was asked ${before.asked} cases of ${id}, and there are ${asked.length} now: ask it again`,
        );
      }
      outcomes[id] = Object.fromEntries(asked.map((one) => [one.id, outcomeBefore(before, one.id)]));
    }
    return { name, version, outcomes };
  });
}

function outcomeBefore({ differs, wrong }: Written, id: string): Outcome {
  if (differs[id] !== undefined) return { verdict: "differs", seen: differs[id] };
  if (wrong[id] !== undefined) return { verdict: "wrong", seen: wrong[id] };
  return { verdict: "kept" };
}
