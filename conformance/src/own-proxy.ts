import { createProxyServer, type ProxyServerOptions } from "@trailsum/proxy";

import type { Setup } from "./conformance-case.ts";

/** A proxy that is running. */
export interface RunningProxy {
  readonly port: number;
  stop(): Promise<void>;
}

const SETUPS: Readonly<Record<Setup, Omit<ProxyServerOptions, "target">>> = {
  usual: {},
  down: {},
  impatient: { agent: { headersTimeout: 300 } },
  enforce: { verify: "enforce" },
  "all-request-trailers": { requestTrailers: "all" },
  "no-trailers": { requestTrailers: "none", responseTrailers: "none" },
  "inbound-host": { host: "inbound" },
  trusting: { trustForwarded: true, forwarded: "both" },
  based: {},
};

/** Starts this project's own proxy in this process. */
export async function startOwnProxy(originPort: number, setup: Setup): Promise<RunningProxy> {
  const target = `http://127.0.0.1:${originPort}${setup === "based" ? "/base/?fixed=1" : ""}`;
  const server = createProxyServer({ target, listen: { port: 0 }, ...SETUPS[setup] });
  const { port } = await server.listen();
  return { port, stop: () => server.close({ graceMs: 0 }) };
}
