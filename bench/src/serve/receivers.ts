import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { type ExchangeName, smallContent } from "../load/exchange.ts";
import { type ClosedLoop, Load, type LoadOutcome, type LoadTarget } from "../load/load.ts";
import { profilingArgs } from "../profiles.ts";
import { median, type Report } from "../report.ts";
import { isWanted, settings } from "../settings.ts";

/** How many connections send at a time. */
export const LANES = 64;
const ROUNDS = 3;

/** A server with a store in memory, and what is sent to it. */
interface Receiver {
  readonly name: string;
  readonly kind: "trailsum" | "node" | "s3";
  readonly exchange: ExchangeName;
}

/** What is said of a comparison, and which receiver the others are compared with. */
interface Comparison extends Pick<Report, "name" | "about"> {
  readonly receivers: readonly Receiver[];
  readonly beside: { readonly name: string; readonly title: string };
}

interface Served {
  readonly name: string;
  readonly exchange: ExchangeName;
  readonly child: ChildProcess;
  readonly port: number;
  readonly outcomes: LoadOutcome[];
}

/** What uploads cost the servers that receive them, in turns. */
export async function compareReceivers({ name, about, receivers, beside }: Comparison): Promise<Report> {
  const load = new Load(smallContent);
  const servers: Served[] = [];
  try {
    for (const receiver of receivers) if (isWanted(receiver.name)) servers.push(await serve(receiver));
    for (let round = settings.smoke ? 1 : 0; round <= (settings.rounds ?? ROUNDS); round += 1) {
      for (const { exchange, child, port, outcomes } of servers) {
        const outcome = await load.run({ ...turn(exchange), port, pid: child.pid! });
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
  const costOf = ({ outcomes }: Served): number => median(outcomes.map(({ cpu, requests }) => (cpu / requests) * 1e6));
  const compared = servers.find((one) => one.name === beside.name);
  return {
    name,
    about,
    columns: ["", "processor time per upload, µs", beside.title, "uploads/s"],
    rows: servers.map((one) => [
      one.name,
      costOf(one).toFixed(1),
      compared === undefined ? "" : (costOf(one) / costOf(compared)).toFixed(2),
      median(one.outcomes.map(({ requests, seconds }) => requests / seconds)).toFixed(0),
    ]),
    figures: servers.map((one) => ({ name: one.name, outcomes: one.outcomes })),
  };
}

function turn(exchange: ExchangeName): Omit<ClosedLoop, keyof LoadTarget> {
  const shape = { kind: "closed-loop", exchange, lanes: LANES, warm: 0.3 } as const;
  const { smoke, seconds = 1.5 } = settings;
  return smoke ? { ...shape, lanes: 8, warm: 0, seconds: 0, times: 16 } : { ...shape, seconds };
}

async function serve({ name, kind, exchange }: Receiver): Promise<Served> {
  const execArgv = [...process.execArgv, ...profilingArgs(name)];
  const child = fork(join(import.meta.dirname, "serve-program.ts"), [kind], { execArgv });
  const [port] = (await once(child, "message")) as [number];
  return { name, exchange, child, port, outcomes: [] };
}
