import { peers } from "@trailsum/conformance/peers";

import type { Report } from "../report.ts";
import { comparison } from "./comparison.ts";
import { measureInTurns } from "./measure.ts";
import { HTTP2_CLIENTS, ours } from "./subjects.ts";

const LANES = 64;
const PER_CONNECTION = 8;
const IN_THE_CLEAR = "trailsum (in the clear)";

/** What it costs to relay a small response of an HTTP/1.1 origin to clients of HTTP/2. */
export async function proxyHttp2Response(): Promise<Report> {
  const turn = {
    kind: "closed-loop",
    exchange: "http2-response",
    lanes: LANES,
    perConnection: PER_CONNECTION,
    warm: 0.3,
    seconds: 1.5,
  } as const;
  const candidates = [ours("trailsum", { overTls: true }), ours(IN_THE_CLEAR), ...peers];
  const overTls = new Set(["trailsum", ...peers.filter((peer) => peer.overTls === true).map(({ name }) => name)]);
  const [measured = []] = await measureInTurns({ turns: [turn], rounds: 3, candidates, spoken: HTTP2_CLIENTS });
  return comparison(
    {
      name: "proxy-http2-response",
      about: `GET over HTTP/2, answered over HTTP/1.1 with 256 bytes in a chunk and two trailers; ${LANES} at a time over ${LANES / PER_CONNECTION} connections. Go's speaks HTTP/2 over TLS alone, and is compared with ours over TLS; the others with ours in the clear.`,
      cost: {
        title: "processor time per request, µs",
        unit: "µs",
        reading: ({ cpu, requests }) => (cpu / requests) * 1e6,
        digits: 1,
      },
      others: [{ title: "requests/s", reading: ({ requests, seconds }) => requests / seconds, digits: 0 }],
      ownFor: (name) => (overTls.has(name) ? "trailsum" : IN_THE_CLEAR),
    },
    measured,
  );
}
