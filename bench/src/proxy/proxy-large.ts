import type { ChunkSize, ExchangeName } from "../load/exchange.ts";
import type { Report } from "../report.ts";
import { settings } from "../settings.ts";
import { comparison } from "./comparison.ts";
import { measureInTurns } from "./measure.ts";

const MIB = 1024 * 1024;

/** What it costs to relay a large chunked response with two trailers. */
export function proxyLargeDown(): Promise<Report> {
  return proxyLarge("proxy-large-down", "large-response", "a response");
}

/** What it costs to relay a large chunked upload with two trailers. */
export function proxyLargeUp(chunks: ChunkSize = 64): Promise<Report> {
  const name = chunks === 64 ? "proxy-large-up" : `proxy-large-up-${chunks}`;
  return proxyLarge(name, "large-request", "a request", chunks);
}

async function proxyLarge(
  name: string,
  exchange: ExchangeName,
  where: string,
  chunks: ChunkSize = 64,
): Promise<Report> {
  const mib = settings.mib ?? 1024;
  const turn = { kind: "closed-loop", exchange, chunks, lanes: 1, warm: 0, seconds: 0, times: 1 } as const;
  const [measured = []] = await measureInTurns({ turns: [turn], rounds: 3, mib });
  return comparison(
    {
      name,
      about: `${mib} MiB in ${where}, in chunks of ${chunks} KiB, two trailers after them; one connection.`,
      cost: {
        title: "processor time per MiB, µs",
        unit: "µs",
        reading: ({ cpu }) => (cpu / mib) * 1e6,
        digits: 0,
      },
      others: [
        { title: "MiB/s", reading: ({ seconds }) => mib / seconds, digits: 0 },
        { title: "peak memory, MiB", reading: ({ peak }) => peak / MIB, digits: 0 },
      ],
    },
    measured,
  );
}
