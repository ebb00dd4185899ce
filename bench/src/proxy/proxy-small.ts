import type { ExchangeName } from "../load/exchange.ts";
import type { Report } from "../report.ts";
import { comparison } from "./comparison.ts";
import { measureInTurns } from "./measure.ts";

const CONNECTIONS = 64;

/** What it costs to relay a small chunked response with two trailers. */
export function proxyResponse(): Promise<Report> {
  return proxySmall(
    "proxy-response",
    "small-response",
    `GET, answered with 256 bytes in a chunk and two trailers; ${CONNECTIONS} connections, each asking again at once.`,
  );
}

/** What it costs to relay a small chunked upload with two trailers. */
export function proxyRequest(): Promise<Report> {
  return proxySmall(
    "proxy-request",
    "small-request",
    `POST of 256 bytes in a chunk and two announced trailers; ${CONNECTIONS} connections, each asking again at once. A proxy that loses the trailers does less work.`,
  );
}

async function proxySmall(name: string, exchange: ExchangeName, about: string): Promise<Report> {
  const turn = { kind: "closed-loop", exchange, lanes: CONNECTIONS, warm: 0.3, seconds: 1.5 } as const;
  const [measured = []] = await measureInTurns({ turns: [turn], rounds: 3 });
  return comparison(
    {
      name,
      about,
      cost: {
        title: "processor time per request, µs",
        unit: "µs",
        reading: ({ cpu, requests }) => (cpu / requests) * 1e6,
        digits: 1,
      },
      others: [{ title: "requests/s", reading: ({ requests, seconds }) => requests / seconds, digits: 0 }],
    },
    measured,
  );
}
