import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { smallContent } from "../load/exchange.ts";
import { type ClosedLoop, Load, type LoadOutcome, type LoadTarget } from "../load/load.ts";
import { profilingArgs } from "../profiles.ts";
import { median, type Report } from "../report.ts";
import { isWanted, settings } from "../settings.ts";

const LANES = 64;
const ROUNDS = 3;
const OURS = "trailsum, its own server";
const NODE = "the same handler on node:http";

interface Served {
  readonly name: string;
  readonly child: ChildProcess;
  readonly port: number;
  readonly outcomes: LoadOutcome[];
}

/** What it costs to receive, verify and keep a small upload: on our own server, and on that of Node. */
export async function serveSmall(): Promise<Report> {
  const load = new Load(smallContent);
  const servers: Served[] = [];
  try {
    if (isWanted(OURS)) servers.push(await serve(OURS, "trailsum"));
    if (isWanted(NODE)) servers.push(await serve(NODE, "node"));
    for (let round = settings.smoke ? 1 : 0; round <= (settings.rounds ?? ROUNDS); round += 1) {
      for (const { child, port, outcomes } of servers) {
        const outcome = await load.run({ ...turn(), port, pid: child.pid! });
        const [failure] = Object.keys(outcome.failures);
        if (failure !== undefined || outcome.requests === 0) throw new Error(failure ?? "nothing was answered");
        if (round > 0) outcomes.push(outcome);
      }
    }
  } finally {
    for (const { child } of servers) {
      const exited = once(child, "exit");
      child.disconnect();
      await exited;
    }
    await load.stop();
  }
  return report(servers);
}

function turn(): Omit<ClosedLoop, keyof LoadTarget> {
  const shape = { kind: "closed-loop", exchange: "small-upload", lanes: LANES, warm: 0.3 } as const;
  const { smoke, seconds = 1.5 } = settings;
  return smoke ? { ...shape, lanes: 8, warm: 0, seconds: 0, times: 16 } : { ...shape, seconds };
}

async function serve(name: string, kind: "trailsum" | "node"): Promise<Served> {
  const execArgv = [...process.execArgv, ...profilingArgs(name)];
  const child = fork(join(import.meta.dirname, "serve-program.ts"), [kind], { execArgv });
  const [port] = (await once(child, "message")) as [number];
  return { name, child, port, outcomes: [] };
}

function report(servers: readonly Served[]): Report {
  const costOf = ({ outcomes }: Served): number => median(outcomes.map(({ cpu, requests }) => (cpu / requests) * 1e6));
  const node = servers.find(({ name }) => name === NODE);
  return {
    name: "serve-small",
    about: `PUT of 256 bytes in a chunk with two trailers over HTTP/1.1, verified and kept in memory; ${LANES} connections, each asking again at once.`,
    columns: ["", "processor time per upload, µs", "times node:http", "uploads/s"],
    rows: servers.map((one) => [
      one.name,
      costOf(one).toFixed(1),
      node === undefined ? "" : (costOf(one) / costOf(node)).toFixed(2),
      median(one.outcomes.map(({ requests, seconds }) => requests / seconds)).toFixed(0),
    ]),
    figures: servers.map(({ name, outcomes }) => ({ name, outcomes })),
  };
}
