import { peers } from "@trailsum/conformance/peers";

import type { Report } from "../report.ts";
import { settings } from "../settings.ts";
import { keeping, labelOf } from "./comparison.ts";
import { type Measured, measureInTurns, medianOf, type Turn } from "./measure.ts";
import { HTTP2, ours } from "./subjects.ts";

const LANES = 64;
const PER_CONNECTION = 8;

/** What calls of gRPC, and uploads with trailers over HTTP/2, cost. */
export async function proxyGrpc(): Promise<Report> {
  const mib = settings.mib ?? 256;
  const small = { kind: "closed-loop", lanes: LANES, perConnection: PER_CONNECTION, warm: 0.3, seconds: 1.5 } as const;
  const large = { kind: "closed-loop", lanes: 1, warm: 0, seconds: 0, times: 1 } as const;
  const tasks: readonly { readonly title: string; readonly units: number; readonly turn: Turn }[] = [
    { title: "gRPC call, µs", units: 1, turn: { ...small, exchange: "grpc-unary" } },
    { title: "upload with trailers, µs", units: 1, turn: { ...small, exchange: "http2-request" } },
    {
      title: `${mib} MiB upload with trailers, µs per MiB`,
      units: mib,
      turn: { ...large, exchange: "http2-large-request" },
    },
  ];
  const candidates = [ours(), ours("trailsum (over TLS)", { overTls: true }), ...peers];
  const figures = await measureInTurns({
    turns: tasks.map(({ turn }) => turn),
    rounds: 3,
    mib,
    candidates,
    spoken: HTTP2,
  });
  const [calls = []] = figures;
  const cell = (one: Measured, task: number): string => {
    const found = figures[task]!.find(({ name }) => name === one.name)!;
    if (found.failure !== undefined) return `failed: ${found.failure}`;
    const cost = medianOf(found, ({ cpu, requests }) => (cpu / requests / tasks[task]!.units) * 1e6);
    return `${cost.toFixed(0)}, ${keeping(found)}`;
  };
  const good = calls.filter(({ failure }) => failure === undefined);
  return {
    name: "proxy-grpc",
    about: `HTTP/2 on both sides: unary calls with 256 bytes each way, and uploads of 256 bytes and of ${mib} MiB with two trailers. ${LANES} at a time over ${LANES / PER_CONNECTION} connections, the large one alone. Processor time of the proxy; whether the trailers came through, which a call cannot do without. Go's speaks HTTP/2 over TLS alone, and is to be compared with ours over TLS.`,
    columns: ["", ...tasks.map(({ title }) => title), "calls/s"],
    rows: calls.map((one) =>
      [
        labelOf(one),
        tasks.map((_, task) => cell(one, task)),
        one.failure === undefined ? medianOf(one, ({ requests, seconds }) => requests / seconds).toFixed(0) : "",
      ].flat(),
    ),
    plots: [
      {
        kind: "bars",
        title: "Processor time per gRPC call",
        unit: "µs",
        bars: good.map((one) => ({
          label: `${labelOf(one)}${one.keeps === "all" ? "" : " (loses trailers)"}`,
          value: medianOf(one, ({ cpu, requests }) => (cpu / requests) * 1e6),
          pale: one.keeps !== "all",
        })),
      },
    ],
    figures: Object.fromEntries(tasks.map(({ title }, at) => [title, figures[at]])),
  };
}
