import type { LinePlot } from "../plot.ts";
import type { Report } from "../report.ts";
import { settings } from "../settings.ts";
import { labelOf } from "./comparison.ts";
import { type Measured, measureInTurns, medianOf } from "./measure.ts";
import { only } from "./subjects.ts";

const LEVELS = [1, 8, 64, 512, 4096];
const CANDIDATES = ["trailsum", "Go ReverseProxy", "Caddy", "HAProxy", "nginx", "httpxy", "@fastify/http-proxy"];

/** What a small response costs, and how many a second there are, by the number of connections. */
export async function proxyConcurrency(): Promise<Report> {
  const levels = settings.smoke ? LEVELS.slice(0, 3) : LEVELS;
  const turns = levels.map(
    (lanes) => ({ kind: "closed-loop", exchange: "small-response", lanes, warm: 0.3, seconds: 1 }) as const,
  );
  const byLevel = await measureInTurns({ turns, rounds: 2, candidates: only(...CANDIDATES) });
  const [first = []] = byLevel;
  const pointsOf = (one: Measured, reading: (at: Measured) => number): [number, number][] =>
    levels.flatMap((level, at): [number, number][] => {
      const found = byLevel[at]!.find(({ name }) => name === one.name);
      return found === undefined || found.failure !== undefined ? [] : [[level, reading(found)]];
    });
  const cost = (at: Measured): number => medianOf(at, ({ cpu, requests }) => (cpu / requests) * 1e6);
  const rate = (at: Measured): number => medianOf(at, ({ requests, seconds }) => requests / seconds);
  const cells = (one: Measured, reading: (at: Measured) => number, digits: number): string[] => {
    const points = new Map(pointsOf(one, reading));
    return levels.map((level) => points.get(level)?.toFixed(digits) ?? "failed");
  };
  const plot = (title: string, label: string, reading: (at: Measured) => number): LinePlot => ({
    kind: "lines",
    title,
    x: { label: "connections", scale: "log", marks: levels.map((level) => ({ at: level, label: String(level) })) },
    y: { label, scale: "linear" },
    lines: first.map((one) => ({ label: labelOf(one), points: pointsOf(one, reading) })),
  });
  return {
    name: "proxy-concurrency",
    about:
      "256 bytes in a chunk and two trailers, over so many connections, each asking again at once: processor time per request in µs, then requests/s.",
    columns: ["", ...levels.map((level) => `µs, ${level}`), ...levels.map((level) => `1/s, ${level}`)],
    rows: first.map((one) => [labelOf(one), cells(one, cost, 1), cells(one, rate, 0)].flat()),
    plots: [plot("Processor time per request", "µs", cost), plot("Requests per second", "1/s", rate)],
    figures: Object.fromEntries(levels.map((level, at) => [level, byLevel[at]])),
  };
}
