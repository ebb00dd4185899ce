import cluster from "node:cluster";

import { recordMetrics } from "@trailsum/shared/metrics";
import { AggregatorRegistry, Registry } from "prom-client";

import { answer, type Route } from "../endpoint/endpoint.ts";
import { prometheusMeter } from "./prometheus-meter.ts";
import { answerSupervisor, WorkerMetrics } from "./worker-metrics.ts";

/** Measures this process from now on, or its workers, and answers with what was measured in the text format of Prometheus. */
export function metricsRoute(of: "process" | "workers"): Route {
  return of === "process" ? processRoute() : workersRoute();
}

function processRoute(): Route {
  const registry = new Registry();
  recordMetrics({ meter: prometheusMeter(registry) });
  return async (response) => answer(response, 200, await registry.metrics(), registry.contentType);
}

/** The sums of what the workers of this process have measured. */
function workersRoute(): Route {
  const workers = new WorkerMetrics(cluster);
  return async (response) => {
    const registry = AggregatorRegistry.aggregate(await workers.collect());
    answer(response, 200, await registry.metrics(), registry.contentType);
  };
}

/** Measures this worker, for its supervisor to ask. */
export function measureWorker(): void {
  const registry = new Registry();
  recordMetrics({ meter: prometheusMeter(registry) });
  answerSupervisor(() => registry.getMetricsAsJSON());
}
