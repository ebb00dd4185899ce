import type { Log } from "../log/log.ts";
import type { Endpoints } from "../process/start-line.ts";
import { metricsAddress, type MetricsArguments } from "./metrics-flag.ts";

/** Runs `work` while metrics are served, if they are asked for: those of this process, or the sums of its workers. */
export async function whileMeasured(
  given: MetricsArguments,
  { log, of }: { readonly log: Log; readonly of: "process" | "workers" },
  work: (endpoints: Endpoints) => Promise<void>,
): Promise<void> {
  const address = metricsAddress(given);
  if (address === undefined) return work({});
  const { measureProcess, serveWorkerMetrics } = await import("./metrics.ts");
  const endpoint = await (of === "process" ? measureProcess(address) : serveWorkerMetrics(address));
  log.message("info", `metrics at ${endpoint.url}`);
  try {
    await work({ metrics: endpoint.url });
  } finally {
    await endpoint.close();
  }
}
