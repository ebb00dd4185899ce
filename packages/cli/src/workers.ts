import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";

import { TrailsumError } from "@trailsum/shared";

/**
 * Runs this command in several processes that share one port. Says where they listen once all of them do, begins a new
 * one for each that dies, and on `signal` stops them gracefully. Rejects when they cannot start.
 */
export async function superviseWorkers(count: number, signal: AbortSignal): Promise<void> {
  const workers = Array.from({ length: count }, () => cluster.fork());
  const urls = await Promise.all(workers.map(whereItListens));
  process.stdout.write(`listening on ${urls[0]}\n`);
  cluster.on("exit", () => {
    if (!signal.aborted) cluster.fork();
  });
  if (!signal.aborted) await once(signal, "abort");
  const running = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
  await Promise.all(
    running.map(async (worker) => {
      const gone = once(worker, "exit");
      worker.process.kill("SIGTERM");
      await gone;
    }),
  );
}

async function whereItListens(worker: Worker): Promise<string> {
  return new Promise((resolve, reject) => {
    worker.once("message", ({ listening }: { listening: string }) => resolve(listening));
    // Why it could not start it has said itself.
    worker.once("exit", () => reject(new TrailsumError("USAGE", "the workers could not start")));
  });
}
