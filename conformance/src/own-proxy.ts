import { createProxyServer, type ProxyServerOptions } from "@trailsum/proxy";

import type { Version } from "./combination.ts";
import type { Setup } from "./conformance-case.ts";
import { freePort } from "@trailsum/testkit/free-ports";
import type { Bench } from "./run-case.ts";
import { startOrigin } from "./scripted-origin.ts";

/** This project's proxies that are running, one for each setup, and the origin behind them. */
export interface OwnProxies {
  /** Where a case with this setup is played. */
  bench(setup: Setup): Pick<Bench, "proxy" | "origin">;
  stop(): Promise<void>;
}

const SETUPS: Readonly<Record<Setup, Omit<ProxyServerOptions, "target">>> = {
  // What the cases about trailers of requests send under names of their own; other proxies pass what is declared, or all.
  usual: { requestTrailers: "declared" },
  defaults: {},
  down: {},
  impatient: { agent: { headersTimeout: 300 } },
  enforce: { verify: "enforce" },
  "all-request-trailers": { requestTrailers: "all" },
  "no-trailers": { requestTrailers: "none", responseTrailers: "none" },
  "clean-query": { cleanQuery: true },
  "inbound-host": { hostHeader: "inbound" },
  trusting: { trustForwarded: true, forwarded: "both" },
  based: {},
};

/** Starts this project's own proxies in this process. What clients speak they recognise; the origin speaks `version`. */
export async function startOwnProxies(version: Version, setups: Iterable<Setup>): Promise<OwnProxies> {
  const origin = await startOrigin({ version });
  const unused = await freePort();
  const started = [...setups].map(async (setup) => {
    const port = setup === "down" ? unused : origin.port;
    const target = `http://127.0.0.1:${port}${setup === "based" ? "/base/?fixed=1" : ""}`;
    const server = createProxyServer({
      ...SETUPS[setup],
      agent: { ...SETUPS[setup].agent, useH2c: version === "2" },
      target,
      listen: { port: 0 },
    });
    const listening = await server.listen();
    return [setup, { port: listening.port, server }] as const;
  });
  const proxies = new Map(await Promise.all(started));
  return {
    bench: (setup) => ({ origin, proxy: { host: "127.0.0.1", port: proxies.get(setup)!.port } }),
    async stop() {
      await Promise.all(Array.from(proxies.values(), ({ server }) => server.close({ graceMs: 0 })));
      await origin.close();
    },
  };
}
