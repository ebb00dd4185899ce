import type { Cluster, Worker } from "node:cluster";

import { AggregatorRegistry, type MetricObject, type MetricObjectWithValues, type MetricValue } from "prom-client";

/** The metrics of a process, as `Registry.getMetricsAsJSON` gives them. */
type Measured = MetricObjectWithValues<MetricValue<string>>[];

/** What a supervisor asks a worker, and what that answers. */
interface Question {
  readonly measured: number;
}
interface Answer extends Question {
  readonly metrics: Measured;
}

/** How long a worker may take to answer. Otherwise its last answer counts. Milliseconds. */
const PATIENCE = 1_000;

/** Answers the questions of the supervisor of this worker. */
export function answerSupervisor(measure: () => Promise<MetricObject[]>): void {
  process.on("message", async (message: Partial<Question>) => {
    if (message.measured === undefined) return;
    const metrics = (await measure()) as Measured;
    if (process.connected) process.send?.({ measured: message.measured, metrics } satisfies Answer);
  });
}

/** What the workers of a cluster have measured, those that have ended included: a sum that only grows never falls. */
export class WorkerMetrics {
  readonly #cluster: Cluster;
  readonly #last = new Map<Worker, Measured>();
  #ended: Measured = [];
  #questions = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    cluster.on("exit", (worker) => void this.#retire(worker));
  }

  /** Asks all workers. What is returned is to be summed. */
  async collect(): Promise<Measured[]> {
    const workers = Object.values(this.#cluster.workers ?? {}).filter((worker) => worker !== undefined);
    await Promise.all(workers.map((worker) => this.#ask(worker)));
    return [this.#ended, ...this.#last.values()];
  }

  #ask(worker: Worker): Promise<void> {
    if (!worker.isConnected()) return Promise.resolve();
    this.#questions += 1;
    const question = { measured: this.#questions } satisfies Question;
    return new Promise((resolve) => {
      const settle = (): void => {
        clearTimeout(timer);
        worker.off("message", onMessage).off("exit", settle);
        resolve();
      };
      const onMessage = ({ measured, metrics }: Partial<Answer>): void => {
        if (measured !== question.measured || metrics === undefined) return;
        this.#last.set(worker, metrics);
        settle();
      };
      const timer = setTimeout(settle, PATIENCE);
      worker.on("message", onMessage).on("exit", settle);
      worker.send(question);
    });
  }

  /** Keeps what a worker has counted. What goes up and down is gone with it. */
  async #retire(worker: Worker): Promise<void> {
    const last = this.#last.get(worker);
    this.#last.delete(worker);
    if (last === undefined) return;
    const counted = last.filter(({ type }) => String(type) !== "gauge");
    this.#ended = await AggregatorRegistry.aggregate([this.#ended, counted]).getMetricsAsJSON();
  }
}
