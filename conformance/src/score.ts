import type { ConformanceCase } from "./conformance-case.ts";

/** What became of a case: kept; otherwise, where the RFCs leave a choice; or wrong. */
export type Verdict = "kept" | "differs" | "wrong";

/** The outcome of a case, with what was seen in place of what it asks for. */
export interface Outcome {
  readonly verdict: Verdict;
  readonly seen?: string;
}

/** How one proxy did. */
export interface Score {
  readonly name: string;
  readonly version: string;
  /** By the id of the combination, and of the case; what it cannot speak and what was not asked of it are not in here. */
  readonly outcomes: Readonly<Record<string, Readonly<Record<string, Outcome>>>>;
}

/** The failure of a proxy whose process ended. */
export const DIED = "the process died";

/** The outcome of a case that came to this failure. No RFC leaves the choice to die. */
export function outcomeOf({ choice }: ConformanceCase, failure: string | undefined): Outcome {
  if (failure === undefined) return { verdict: "kept" };
  // The ports are others each time.
  const seen = failure.replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1:port").slice(0, 160);
  return { verdict: choice && !failure.startsWith(DIED) ? "differs" : "wrong", seen };
}

/** How many of these outcomes there are of each kind. */
export function count(outcomes: readonly (Outcome | undefined)[]): Record<Verdict, number> & { asked: number } {
  const of = (verdict: Verdict): number => outcomes.filter((outcome) => outcome?.verdict === verdict).length;
  const counts = { kept: of("kept"), differs: of("differs"), wrong: of("wrong") };
  return { ...counts, asked: counts.kept + counts.differs + counts.wrong };
}
