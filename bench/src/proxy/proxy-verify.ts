import type { Report } from "../report.ts";
import { settings } from "../settings.ts";
import { measureInTurns, medianOf, type Turn } from "./measure.ts";
import { ours } from "./subjects.ts";

const MODES = ["off", "observe", "enforce"];

/** What verification in flight costs on top of relaying. */
export async function proxyVerify(): Promise<Report> {
  const mib = settings.mib ?? 1024;
  const small = { kind: "closed-loop", lanes: 64, warm: 0.3, seconds: 1 } as const;
  const large = { kind: "closed-loop", lanes: 1, warm: 0, seconds: 0, times: 1 } as const;
  const exchanges: readonly { readonly label: string; readonly units: number; readonly turn: Turn }[] = [
    { label: "small response, µs a request", units: 1, turn: { ...small, exchange: "small-response" } },
    { label: "small request, µs a request", units: 1, turn: { ...small, exchange: "small-request" } },
    { label: `${mib} MiB response, µs a MiB`, units: mib, turn: { ...large, exchange: "large-response" } },
    { label: `${mib} MiB request, µs a MiB`, units: mib, turn: { ...large, exchange: "large-request" } },
  ];
  const candidates = MODES.map((mode) => ours(`trailsum --verify ${mode}`, { flags: ["--verify", mode] }));
  const turns = exchanges.map(({ turn }) => turn);
  const figures = await measureInTurns({ turns, rounds: 3, mib, candidates });
  const failed = figures.flat().find(({ failure, keeps }) => failure !== undefined || keeps !== "all");
  if (failed !== undefined) throw new Error(`${failed.name}: ${failed.failure ?? "loses trailers"}`);
  const rows = exchanges.map(({ label, units }, at) => {
    const costs = figures[at]!.map((one) => medianOf(one, ({ cpu, requests }) => (cpu / requests / units) * 1e6));
    const [off = 0, ...others] = costs;
    return [label, costs.map((cost) => cost.toFixed(0)), others.map((cost) => (cost / off).toFixed(2))].flat();
  });
  return {
    name: "proxy-verify",
    about:
      "Processor time of the proxy with verification in flight: not at all, looking at digests and telling of them, and cutting off what is wrong. The trailers are Md5 and Size, and right.",
    columns: ["", ...MODES, ...MODES.slice(1).map((mode) => `${mode} / off`)],
    rows,
    figures,
  };
}
