import cluster from "node:cluster";

import { recordMetrics } from "@trailsum/shared/metrics";
import { AggregatorRegistry, Registry } from "prom-client";

import { serveMetrics, type MetricsEndpoint } from "./metrics-endpoint.ts";
import type { HostAndPort } from "../flags/address.ts";
import { prometheusMeter } from "./prometheus-meter.ts";
import { answerSupervisor, WorkerMetrics } from "./worker-metrics.ts";

/** Measures this process, and serves what was measured. */
export function measureProcess(address: HostAndPort): Promise<MetricsEndpoint> {
  const registry = new Registry();
  recordMetrics({ meter: prometheusMeter(registry) });
  return serveMetrics(address, async () => ({ text: await registry.metrics(), contentType: registry.contentType }));
}

/** Measures this worker, for its supervisor to ask. */
export function measureWorker(): void {
  const registry = new Registry();
  recordMetrics({ meter: prometheusMeter(registry) });
  answerSupervisor(() => registry.getMetricsAsJSON());
}

/** Serves the sums of what the workers of this process have measured. */
export function serveWorkerMetrics(address: HostAndPort): Promise<MetricsEndpoint> {
  const workers = new WorkerMetrics(cluster);
  return serveMetrics(address, async () => {
    const registry = AggregatorRegistry.aggregate(await workers.collect());
    return { text: await registry.metrics(), contentType: registry.contentType };
  });
}
