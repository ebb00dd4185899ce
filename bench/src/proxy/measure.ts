import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Peer } from "@trailsum/conformance/peers/peer";

import { largeContent } from "../load/exchange.ts";
import { type ClosedLoop, Load, type LoadOutcome, type LoadTarget, type OpenLoop } from "../load/load.ts";
import { Origin } from "../load/origin.ts";
import { median } from "../report.ts";
import { settings } from "../settings.ts";
import { allProxies, type SpokenHttp, startSubjects, type Subject } from "./subjects.ts";

/** What the origin is called where it is measured on its own. */
export const DIRECT = "no proxy";

const MANY = 256;

/** What a benchmark does with each subject in each of its turns. */
export type Turn = Omit<ClosedLoop, keyof LoadTarget> | Omit<OpenLoop, keyof LoadTarget>;

/** A subject, and the outcome of its turns. */
export interface Measured {
  readonly name: string;
  readonly version: string;
  readonly outcomes: readonly LoadOutcome[];
  /** Whether trailers came through: of all exchanges, of none, or of some. */
  readonly keeps: "all" | "none" | "some";
  /** Why it could not be measured. */
  readonly failure: string | undefined;
}

/** How proxies are measured beside one another. */
export interface Comparison {
  /** The tasks, one after the other. */
  readonly turns: readonly Turn[];
  /** How often everyone takes its turn at each. */
  readonly rounds: number;
  /** Large content, in MiB. */
  readonly mib?: number;
  readonly candidates?: readonly Peer[];
  /** Without this HTTP/1.1 on both sides. */
  readonly spoken?: SpokenHttp;
  /** Measures the origin on its own too, as the first subject. */
  readonly direct?: boolean;
}

/**
 * Starts every proxy that is wanted and there before one origin, and lets each take its turn, round after round, at one
 * task after the other. Gives the outcome of each task.
 */
export async function measureInTurns(comparison: Comparison): Promise<Measured[][]> {
  const { turns, rounds, mib = 1, candidates = allProxies, spoken, direct = false } = comparison;
  const measure = async (proxies: readonly Subject[], load: Load, origin: Origin): Promise<Measured[][]> => {
    const alone = { name: DIRECT, version: "", port: origin.ports.http1, pid: origin.pid, tls: false };
    const subjects = direct ? [alone, ...proxies] : proxies;
    const measured: Measured[][] = [];
    for (const turn of turns) measured.push(await measureTask(turn, settings.rounds ?? rounds, subjects, load, origin));
    return measured;
  };
  return withSubjects(candidates, mib, measure, spoken);
}

/** The first round is shorter and not counted. A proxy that fails is left out from then on. */
async function measureTask(
  turn: Turn,
  rounds: number,
  subjects: readonly Omit<Subject, "stop">[],
  load: Load,
  origin: Origin,
): Promise<Measured[]> {
  const figures = subjects.map((subject) => ({ subject, outcomes: [] as LoadOutcome[], failure: "" }));
  for (let round = settings.smoke ? 1 : 0; round <= rounds; round += 1) {
    for (const figure of figures.filter(({ failure }) => failure === "")) {
      const { port, pid, tls } = figure.subject;
      try {
        const outcome = await load.run({ ...lengthOf(turn, round === 0), port, pid, tls });
        if (round > 0) figure.outcomes.push(outcome);
        figure.failure = failureOf(outcome) ?? "";
      } catch (error) {
        figure.failure = error instanceof Error ? error.message : String(error);
      }
      // What everyone keeps open would together be more than there are ports.
      if (turn.lanes > MANY) await origin.closeAll();
    }
  }
  return figures.map(({ subject: { name, version }, outcomes, failure }) => ({
    name,
    version,
    outcomes,
    keeps: keepsOf(outcomes),
    failure: failure === "" ? undefined : failure,
  }));
}

/** Runs something on an origin, a load, and the proxies between them; stops all of them in any case. */
export async function withSubjects<Result>(
  candidates: readonly Peer[],
  mib: number,
  run: (subjects: readonly Subject[], load: Load, origin: Origin) => Promise<Result>,
  spoken?: SpokenHttp,
): Promise<Result> {
  const large = largeContent(mib);
  const directory = await mkdtemp(join(tmpdir(), "trailsum-bench-"));
  const load = new Load(large);
  const origin = await Origin.start(large, directory);
  try {
    const subjects = await startSubjects(candidates, origin, spoken);
    try {
      return await run(subjects, load, origin);
    } finally {
      await Promise.all(subjects.map((subject) => subject.stop()));
    }
  } finally {
    await load.stop();
    await origin.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/** The middle one of what a reading of each turn gives. */
export function medianOf({ outcomes }: Measured, reading: (outcome: LoadOutcome) => number): number {
  return median(outcomes.map(reading));
}

/** A turn as long as it was asked to be. The first one is short; a smoke run's have as many requests as show whether it works. */
function lengthOf(turn: Turn, warmUp: boolean): Turn {
  if (turn.times !== undefined) return turn;
  if (settings.smoke) {
    const lanes = Math.min(turn.lanes, 16);
    return { ...turn, lanes, times: lanes * 2 };
  }
  const seconds = settings.seconds ?? turn.seconds;
  return warmUp ? { ...turn, warm: 0, seconds: Math.min(1, seconds) } : { ...turn, seconds };
}

function failureOf({ failures, requests }: LoadOutcome): string | undefined {
  const [[reason, times] = []] = Object.entries(failures);
  if (reason !== undefined) return `${reason} (${times} times)`;
  return requests === 0 ? "nothing was answered" : undefined;
}

function keepsOf(outcomes: readonly LoadOutcome[]): Measured["keeps"] {
  const kept = outcomes.reduce((sum, outcome) => sum + outcome.kept, 0);
  if (kept === 0) return "none";
  return kept === outcomes.reduce((sum, outcome) => sum + outcome.requests, 0) ? "all" : "some";
}
