import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import { setTimeout } from "node:timers/promises";

import { createLogOutput } from "../log/log-output.ts";
import type { Run } from "./process-run.ts";

/** A worker that fails to start is replaced after this, and after twice as long each time, until `MAX_DELAY`. Milliseconds. */
const MIN_DELAY = 1_000;
const MAX_DELAY = 4_000;

/** The variable in which a worker finds the port that its predecessors listened on. */
const PORT_VARIABLE = "_TRAILSUM_WORKER_PORT";

/** What a worker is sent to make it stop gracefully. To one that got Ctrl-C, SIGTERM would be the second signal. */
const STOP = "stop";

/** What a worker is sent to do what SIGHUP asks for. */
const RELOAD = "reload";

/** What a worker sends once it listens. */
interface Listening {
  readonly listening: string;
}

/** How starting a worker ended. */
type Start = { readonly url: string } | { readonly exit: number };

/**
 * Runs this command in several processes that share one port, until `run` is interrupted; then it stops them gracefully.
 * Prints the `line` that says where they listen once all of them do. One that ends is replaced, on the same port, until a replacement listens.
 * When they cannot start, the exit status is that of the worker that failed, which has reported the reason itself.
 */
export async function superviseWorkers(count: number, run: Run, line: (url: string) => string): Promise<void> {
  const { signal } = run;
  const log = createLogOutput(process.stderr);
  const listening = new Set<Worker>();
  let url: string | undefined;
  // As long as one worker listens, all share its socket, and port 0 is that port; afterwards it would be a different port.
  let isPortTaken = true;
  const fork = async (): Promise<Start> => {
    const worker = cluster.fork(url === undefined || isPortTaken ? {} : { [PORT_VARIABLE]: new URL(url).port });
    const start = await started(worker);
    if ("exit" in start) return start;
    if (url !== undefined && start.url !== url) {
      // It was started before the last of the others ended.
      worker.process.kill();
      return { exit: 1 };
    }
    listening.add(worker);
    worker.once("exit", (code: number | null, killedBy: string | null) => {
      listening.delete(worker);
      isPortTaken &&= listening.size > 0;
      if (signal.aborted) return;
      const cause = killedBy ?? `exit status ${code}`;
      log.write(`trailsum: worker ${worker.process.pid} ended (${cause}): starting another\n`);
      void replace();
    });
    return start;
  };
  const replace = async (): Promise<void> => {
    for (let delay = MIN_DELAY; !signal.aborted; delay = Math.min(delay * 2, MAX_DELAY)) {
      if ("url" in (await fork())) return;
      await setTimeout(delay, undefined, { signal }).catch(() => {});
    }
  };

  run.onReload(() => {
    for (const worker of listening) if (worker.isConnected()) worker.send(RELOAD);
  });
  // One by one: when the first cannot start, the others need not try, and its error is reported once.
  for (let number = 0; number < count && !signal.aborted; number += 1) {
    const start = await fork();
    if ("exit" in start) {
      if (!signal.aborted) run.fail(start.exit);
      return stopAll(listening);
    }
    ({ url } = start);
  }
  if (!signal.aborted) {
    process.stdout.write(line(url!));
    await once(signal, "abort");
  }
  await stopAll(listening);
}

/** Resolves when a worker listens or has ended without it. */
async function started(worker: Worker): Promise<Start> {
  return new Promise((resolve) => {
    worker.on("message", ({ listening }: Partial<Listening>) => {
      if (listening !== undefined) resolve({ url: listening });
    });
    worker.once("exit", (code: number | null) => resolve({ exit: code === null || code === 0 ? 1 : code }));
  });
}

async function stopAll(listening: ReadonlySet<Worker>): Promise<void> {
  const running = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
  await Promise.all(
    running.map(async (worker) => {
      const gone = once(worker, "exit");
      if (listening.has(worker) && worker.isConnected()) worker.send(STOP);
      // One that is still starting does not listen to that either.
      else worker.process.kill();
      await gone;
    }),
  );
}

/** The port that this process listens on in place of the one it was given: a replacement has that of its predecessor. */
export function assignedPort(): number | undefined {
  const port = process.env[PORT_VARIABLE];
  return port === undefined ? undefined : Number(port);
}

/** Says that this process listens: with a line on stdout, or, in a worker, to its supervisor. */
export function announce(url: string, line: string): void {
  if (cluster.isPrimary) process.stdout.write(line);
  else process.send?.({ listening: url } satisfies Listening);
}

/** Runs what a worker does: ends it when its supervisor says so, and lets go of the supervisor however it ends. */
export async function underSupervision(run: Run, work: () => Promise<void>): Promise<void> {
  process.on("message", (message) => {
    if (message === STOP) run.stop();
    if (message === RELOAD) run.reload();
  });
  try {
    await work();
  } finally {
    cluster.worker?.disconnect();
  }
}
