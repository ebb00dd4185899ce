import { TrailsumError } from "@trailsum/shared";

import type { Flags } from "../flags/flag.ts";

/** What the flag holds once it is parsed. */
export interface MetricsArguments {
  readonly metrics?: string | undefined;
}

/** The flag of a command that can serve metrics. */
export const metricsFlags: Flags = {
  metrics: {
    type: "string",
    describe: "serve metrics for Prometheus at http://HOST:PORT/metrics, apart from everything else",
  },
};

/** An address to listen on. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Reads `HOST:PORT`, or undefined if it is not given. Throws `USAGE`. An IPv6 address stands in brackets. */
export function metricsAddress({ metrics }: MetricsArguments): Address | undefined {
  if (metrics === undefined) return undefined;
  const [, bracketed, name, port] = /^(?:\[([\da-fA-F:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(metrics) ?? [];
  const host = bracketed ?? name;
  if (host === undefined || Number(port) > 65_535)
    throw new TrailsumError(
      "USAGE",
      `--metrics takes HOST:PORT, such as 127.0.0.1:9464, and not ${JSON.stringify(metrics)}`,
    );
  return { host, port: Number(port) };
}
