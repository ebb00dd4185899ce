import { setTimeout as sleep } from "node:timers/promises";

import { peers } from "@trailsum/conformance/peers";
import type { Peer } from "@trailsum/conformance/peers/peer";

import type { ClosedLoop, Load } from "../load/load.ts";
import { residentBytes } from "../process-usage.ts";
import { median, type Report } from "../report.ts";
import { settings } from "../settings.ts";
import { withSubjects } from "./measure.ts";
import { allProxies, HTTP1, HTTP2_CLIENTS, ours, type SpokenHttp, type Subject } from "./subjects.ts";

/** So many are made first, and then as many again. */
const CONNECTIONS = 2_000;
const SETTLE = 8_000;
const KIB = 1024;

interface Idle {
  readonly name: string;
  readonly version: string;
  /** Bytes of each start: before there were connections, with the first of them, and with as many again. */
  readonly before: number[];
  readonly first: number[];
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
      const openIdle = async (): Promise<void> => {
        for (const { port, tls } of subjects) await load.openIdle({ port, tls, exchange, lanes: connections });
      };
      const resident = async (): Promise<number[]> => {
        await settle();
        return subjects.map(({ pid }) => residentBytes(pid));
      };
      for (const subject of subjects) await load.run(warmUp(subject, exchange));
      const before = await resident();
      await openIdle();
      const first = await resident();
      await openIdle();
      const after = await resident();
      for (const [at, { name, version }] of subjects.entries()) {
        const idle = figures.get(name) ?? { name, version, before: [], first: [], after: [] };
        figures.set(name, idle);
        idle.before.push(before[at]!);
        idle.first.push(first[at]!);
        idle.after.push(after[at]!);
      }
      await load.closeIdle();
    };
    await withSubjects(candidates, 1, occupy, spoken);
  }
  const costs = Array.from(figures.values(), (idle) => ({
    idle,
    first: growth(idle.before, idle.first) / connections / KIB,
    further: growth(idle.first, idle.after) / connections / KIB,
  }));
  return {
    name: benchmark,
    about: `Memory of a proxy before and after ${connections} connections of HTTP/${spoken.client} were made, used once each, and left open, and with as many again: medians of fresh starts, ${SETTLE / 1000} seconds after the last request. The first ones also bear what a process makes once, such as compiled code and room for garbage.`,
    columns: [
      "",
      "KiB per further connection",
      `KiB for each of the first ${connections}`,
      "MiB before",
      "MiB with all",
    ],
    rows: costs.map(({ idle, first, further }) => [
      `${idle.name} ${idle.version}`,
      further.toFixed(1),
      first.toFixed(1),
      ...[idle.before, idle.after].map((bytes) => (median(bytes) / KIB / KIB).toFixed(1)),
    ]),
    plots: [
      {
        kind: "bars",
        title: `Memory per idle connection of HTTP/${spoken.client}`,
        unit: "KiB",
        bars: costs.map(({ idle, further }) => ({
          label: `${idle.name} ${idle.version}`,
          value: Math.max(0, further),
        })),
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

/** The median by which bytes grew, in each start. */
function growth(before: readonly number[], after: readonly number[]): number {
  return median(after.map((bytes, round) => bytes - before[round]!));
}
