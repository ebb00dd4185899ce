import { TrailsumError } from "@trailsum/shared";

import type { HostAndPort } from "./flags/address.ts";
import type { Log } from "./log/log.ts";
import { metricsAddress, type MetricsArguments } from "./metrics/metrics-flag.ts";
import type { Endpoints } from "./process/start-line.ts";
import { statusAddress, type StatusArguments } from "./status/status-flag.ts";
import type { Endpoint, Route } from "./endpoint/endpoint.ts";

/** What is observed, and how. */
export interface Observed {
  readonly log: Log;
  /** This process, or the workers that it supervises. */
  readonly of: "process" | "workers";
  /** What the command is called. */
  readonly command: string;
  /** The upstreams of a proxy. */
  readonly origins: readonly string[];
}

/** Something that is served while the command runs. */
interface Service {
  readonly name: keyof Endpoints;
  readonly address: HostAndPort;
  /** The path at which it begins. */
  readonly path: string;
  readonly routes: ReadonlyMap<string, Route>;
}

/** Runs `work` while metrics and the status page are served, if they are asked for. Those with one address share a listener. */
export async function whileObserved(
  given: MetricsArguments & StatusArguments,
  observed: Observed,
  work: (endpoints: Endpoints) => Promise<void>,
): Promise<void> {
  const services = [await metricsService(given, observed), await statusService(given, observed)].filter(
    (service) => service !== undefined,
  );
  if (services.length === 0) return work({});
  const { serveRoutes } = await import("./endpoint/endpoint.ts");
  const endpoints: Partial<Record<keyof Endpoints, string>> = {};
  const open: Endpoint[] = [];
  try {
    for (const sharing of byAddress(services)) {
      const routes = new Map(sharing.flatMap((service) => [...service.routes]));
      const purpose = sharing.map(({ name }) => name).join(" and ");
      const endpoint = await serveRoutes(sharing[0]!.address, { routes, purpose });
      open.push(endpoint);
      for (const { name, path } of sharing) {
        endpoints[name] = endpoint.origin + path;
        observed.log.message("info", `${name} at ${endpoints[name]}`);
      }
    }
    await work(endpoints);
  } finally {
    await Promise.all(open.map((endpoint) => endpoint.close()));
  }
}

/** Port 0 is another one each time. */
function byAddress(services: readonly Service[]): Service[][] {
  const groups = Map.groupBy(services, ({ name, address: { host, port } }) => (port === 0 ? name : `${host} ${port}`));
  return [...groups.values()];
}

async function metricsService(given: MetricsArguments, { of }: Observed): Promise<Service | undefined> {
  const address = metricsAddress(given);
  if (address === undefined) return undefined;
  const { metricsRoute } = await import("./metrics/metrics.ts");
  return { name: "metrics", address, path: "/metrics", routes: new Map([["/metrics", metricsRoute(of)]]) };
}

async function statusService(given: StatusArguments, observed: Observed): Promise<Service | undefined> {
  const address = statusAddress(given);
  if (address === undefined) return undefined;
  if (observed.of === "workers")
    throw new TrailsumError("USAGE", "--status shows one process: leave --workers out, or use --metrics");
  const { statusRoutes } = await import("./status/status-routes.ts");
  return { name: "status", address, path: "/", routes: statusRoutes(observed.command, observed.origins) };
}
