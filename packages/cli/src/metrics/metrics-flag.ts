import { type HostAndPort, hostAndPort } from "../flags/address.ts";
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

/** Reads the flag; undefined if it is not given. Throws `USAGE`. */
export function metricsAddress({ metrics }: MetricsArguments): HostAndPort | undefined {
  if (metrics === undefined) return undefined;
  return hostAndPort(metrics, { flag: "metrics", takes: "HOST:PORT, such as 127.0.0.1:9464" });
}
