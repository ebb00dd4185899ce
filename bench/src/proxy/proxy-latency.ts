import { PERCENTILES } from "../load/percentiles.ts";
import type { Report } from "../report.ts";
import { settings } from "../settings.ts";
import { keeping, labelOf } from "./comparison.ts";
import { DIRECT, type Measured, measureInTurns, medianOf } from "./measure.ts";
import { only } from "./subjects.ts";

const RATE = 5_000;
const CANDIDATES = ["trailsum", "Go ReverseProxy", "Caddy", "HAProxy", "nginx", "httpxy"];
/** At these places of `PERCENTILES`: 50, 90, 99, 99.9. */
const REPORTED = [0, 2, 4, 6];

/** How long responses take at a fixed rate, and what of that a proxy adds. */
export async function proxyLatency(): Promise<Report> {
  const rate = settings.smoke ? 500 : RATE;
  const turn = { kind: "open-loop", exchange: "small-response", lanes: 64, rate, warm: 0.5, seconds: 3 } as const;
  const [measured = []] = await measureInTurns({
    turns: [turn],
    rounds: 3,
    candidates: only(...CANDIDATES),
    direct: true,
  });
  const good = measured.filter(({ failure }) => failure === undefined);
  const direct = good.find(({ name }) => name === DIRECT)!;
  const milliseconds = (one: Measured, at: number): number => medianOf(one, ({ latencies }) => latencies[at]!) * 1e3;
  const failed = measured.filter(({ failure }) => failure !== undefined);
  return {
    name: "proxy-latency",
    about: [
      `256 bytes in a chunk and two trailers, ${rate} requests/s over 64 connections, each timed from when it was due: milliseconds at percentiles, and what the proxy adds to what it takes without one.`,
      ...failed.map((one) => `${labelOf(one)} could not be measured: ${one.failure}.`),
    ].join(" "),
    columns: [
      "",
      ...REPORTED.map((at) => `p${PERCENTILES[at]}`),
      ...REPORTED.map((at) => `added at p${PERCENTILES[at]}`),
      "trailers",
    ],
    rows: good.map((one) => [
      labelOf(one),
      ...REPORTED.map((at) => milliseconds(one, at).toFixed(2)),
      ...REPORTED.map((at) => (one === direct ? "" : (milliseconds(one, at) - milliseconds(direct, at)).toFixed(2))),
      keeping(one),
    ]),
    plots: [
      {
        kind: "lines",
        title: `Latency at ${rate} requests/s`,
        x: {
          label: "percentile",
          scale: "log",
          marks: PERCENTILES.map((percentile) => ({ at: 100 / (100 - percentile), label: String(percentile) })),
        },
        y: { label: "ms", scale: "log" },
        lines: good.map((one) => ({
          label: labelOf(one),
          points: PERCENTILES.map((percentile, at) => [100 / (100 - percentile), milliseconds(one, at)] as const),
          pale: one === direct,
        })),
      },
    ],
    figures: measured,
  };
}
