import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import type { Content, ExchangeName } from "./exchange.ts";

/** What a load is to be. */
export interface LoadTask {
  readonly port: number;
  /** The process that is measured meanwhile, with those below it. */
  readonly pid: number;
  readonly exchange: ExchangeName;
  readonly connections: number;
  /** Seconds that are not counted, and seconds that are. */
  readonly warm: number;
  readonly seconds: number;
  /** So many requests instead, all of them counted. */
  readonly times?: number;
}

/** What came of it. */
export interface LoadOutcome {
  /** How many requests were answered well, and how many of these kept their trailers. */
  readonly requests: number;
  readonly kept: number;
  /** What went wrong, and how often. */
  readonly failures: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** Seconds of processor time that the process took. */
  readonly cpu: number;
  /** The most memory that it held, in bytes. */
  readonly peak: number;
  /** Seconds from when each request was due to the end of its answer, where they were sent at a rate. */
  readonly latencies: readonly number[];
}

/** The process that sends requests and reads the answers. */
export class Load {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static start(large: Content): Load {
    return new Load(fork(join(import.meta.dirname, "load-program.ts"), [JSON.stringify(large)]));
  }

  async run(task: LoadTask): Promise<LoadOutcome> {
    this.#child.send(task);
    const [outcome] = (await once(this.#child, "message")) as [LoadOutcome];
    return outcome;
  }

  stop(): Promise<void> {
    return stop(this.#child);
  }
}

/** The process that answers behind the proxies. */
export class Origin {
  readonly port: number;
  readonly pid: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.pid = child.pid!;
    this.port = port;
  }

  static async start(large: Content): Promise<Origin> {
    const child = fork(join(import.meta.dirname, "origin-program.ts"), [JSON.stringify(large)]);
    const [port] = (await once(child, "message")) as [number];
    return new Origin(child, port);
  }

  stop(): Promise<void> {
    return stop(this.#child);
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exited = once(child, "exit");
  child.disconnect();
  await exited;
}
