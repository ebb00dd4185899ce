import { setTimeout as sleep } from "node:timers/promises";

import { peers } from "@trailsum/conformance/peers";
import type { Peer } from "@trailsum/conformance/peers/peer";

import type { ClosedLoop, Load } from "../load/load.ts";
import { residentBytes } from "../process-usage.ts";
import { median, type Report } from "../report.ts";
import { settings } from "../settings.ts";
import { withSubjects } from "./measure.ts";
import { allProxies, HTTP1, HTTP2_CLIENTS, ours, type SpokenHttp, type Subject } from "./subjects.ts";

const CONNECTIONS = 1_000;
const SETTLE = 8_000;
const KIB = 1024;

interface Idle {
  readonly name: string;
  readonly version: string;
  /** Bytes before there were connections, and with them, of each start. */
  readonly before: number[];
  readonly after: number[];
}

/** What a connection of HTTP/1.1 takes that is kept and not used. */
export function proxyIdle(): Promise<Report> {
  return idleConnections("proxy-idle", HTTP1, allProxies);
}

/** What a connection of HTTP/2 takes that is kept and not used. */
export function proxyIdleHttp2(): Promise<Report> {
  return idleConnections("proxy-idle-http2", HTTP2_CLIENTS, [
    ours(),
    ours("trailsum (over TLS)", { overTls: true }),
    ...peers,
  ]);
}

async function idleConnections(benchmark: string, spoken: SpokenHttp, candidates: readonly Peer[]): Promise<Report> {
  const exchange = spoken === HTTP1 ? "small-response" : "http2-response";
  const connections = settings.smoke ? 10 : CONNECTIONS;
  const figures = new Map<string, Idle>();
  for (let round = 0; round < (settings.rounds ?? 3); round += 1) {
    // Each starts a new process: memory once used is hardly returned.
    const occupy = async (subjects: readonly Subject[], load: Load): Promise<void> => {
      for (const subject of subjects) await load.run(warmUp(subject, exchange));
      await settle();
      const before = subjects.map(({ pid }) => residentBytes(pid));
      for (const { port, tls } of subjects) await load.openIdle({ port, tls, exchange, lanes: connections });
      await settle();
      for (const [at, { name, version, pid }] of subjects.entries()) {
        const idle = figures.get(name) ?? { name, version, before: [], after: [] };
        figures.set(name, idle);
        idle.before.push(before[at]!);
        idle.after.push(residentBytes(pid));
      }
      await load.closeIdle();
    };
    await withSubjects(candidates, 1, occupy, spoken);
  }
  const costs = Array.from(figures.values(), (idle) => ({ idle, cost: costOf(idle, connections) }));
  return {
    name: benchmark,
    about: `Memory of a proxy before and after ${connections} connections of HTTP/${spoken.client} were made, used once each, and left open: medians of fresh starts, ${SETTLE / 1000} seconds after the last request.`,
    columns: ["", "KiB per connection", "MiB before", "MiB with them"],
    rows: costs.map(({ idle, cost }) => [
      `${idle.name} ${idle.version}`,
      cost.toFixed(1),
      ...[idle.before, idle.after].map((bytes) => (median(bytes) / KIB / KIB).toFixed(1)),
    ]),
    plots: [
      {
        kind: "bars",
        title: `Memory per idle connection of HTTP/${spoken.client}`,
        unit: "KiB",
        bars: costs.map(({ idle, cost }) => ({ label: `${idle.name} ${idle.version}`, value: Math.max(0, cost) })),
      },
    ],
    figures: costs.map(({ idle }) => idle),
  };
}

/** Enough for what is made once, and too little to leave room in the heap for what comes. */
function warmUp({ port, pid, tls }: Subject, exchange: ClosedLoop["exchange"]): ClosedLoop {
  return { kind: "closed-loop", exchange, port, pid, tls, lanes: 1, times: 100, warm: 0, seconds: 0 };
}

/** Until what is garbage has been collected. */
async function settle(): Promise<void> {
  if (!settings.smoke) await sleep(SETTLE);
}

function costOf({ before, after }: Idle, connections: number): number {
  return median(after.map((bytes, round) => bytes - before[round]!)) / connections / KIB;
}
