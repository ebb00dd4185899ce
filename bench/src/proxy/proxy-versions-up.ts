import type { LoadOutcome } from "../load/load.ts";
import { median, type Report } from "../report.ts";
import { settings } from "../settings.ts";
import { withSubjects } from "./measure.ts";
import { HTTP2, ours, startSubjects } from "./subjects.ts";

const ROUNDS = 5;
const MIB = 1024 * 1024;

/** What a large upload costs over HTTP/2, beside the same over HTTP/1.1. */
export async function proxyVersionsUp(): Promise<Report> {
  const mib = settings.mib ?? 256;
  const outcomes = await measure(mib);
  const costs = outcomes.map((turns) => median(turns.map(({ cpu }) => (cpu / mib) * 1e6)));
  const [http1 = 0] = costs;
  return {
    name: "proxy-versions-up",
    about: `${mib} MiB in an upload with two trailers, with the same version of HTTP on both sides, in the clear: in chunks of 64 KiB, or in DATA frames of 16 KiB.`,
    columns: ["", "processor time per MiB, µs", "times HTTP/1.1", "peak memory, MiB", "trailers"],
    rows: ["HTTP/1.1", "HTTP/2"].map((version, at) => {
      const turns = outcomes[at]!;
      const cost = costs[at]!;
      const kept = turns.every(({ requests, kept: keeping }) => requests > 0 && keeping === requests);
      const peak = median(turns.map((turn) => turn.peak / MIB));
      return [version, cost.toFixed(0), (cost / http1).toFixed(2), peak.toFixed(0), kept ? "kept" : "**lost**"];
    }),
    figures: outcomes,
  };
}

/** Uploads by turns, after one each that is not counted. */
async function measure(mib: number): Promise<LoadOutcome[][]> {
  return withSubjects([ours()], mib, async ([http1], load, origin) => {
    const [http2] = await startSubjects([ours()], origin, HTTP2);
    const ways = [
      { exchange: "large-request", subject: http1! },
      { exchange: "http2-large-request", subject: http2! },
    ] as const;
    const outcomes: LoadOutcome[][] = ways.map(() => []);
    try {
      for (let round = settings.smoke ? 1 : 0; round <= (settings.rounds ?? ROUNDS); round += 1) {
        for (const [at, { exchange, subject }] of ways.entries()) {
          const { port, pid } = subject;
          const turn = { kind: "closed-loop", exchange, lanes: 1, warm: 0, seconds: 0, times: 1 } as const;
          const outcome = await load.run({ ...turn, port, pid });
          const [failure] = Object.keys(outcome.failures);
          if (failure !== undefined) throw new Error(`${exchange}: ${failure}`);
          if (round > 0) outcomes[at]!.push(outcome);
        }
      }
    } finally {
      await http2!.stop();
    }
    return outcomes;
  });
}
