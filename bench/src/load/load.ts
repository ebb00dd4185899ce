import type { ChunkSize, Content, ExchangeName } from "./exchange.ts";
import { Program } from "./program.ts";

/** The longest task takes a tenth of that on a slow machine. */
const PATIENCE = 120_000;

/** What a load is sent to. */
export interface LoadTarget {
  readonly port: number;
  /** The process that is measured meanwhile, with those below it. */
  readonly pid: number;
  /** Whether it is spoken to over TLS. */
  readonly tls?: boolean | undefined;
}

/** What a load is to be, whatever it is sent to. */
interface LoadShape {
  readonly exchange: ExchangeName;
  /** Requests under way at a time. */
  readonly lanes: number;
  /** How many of them share a connection, which takes HTTP/2. Default 1. */
  readonly perConnection?: number;
  /** The chunks of a large upload over HTTP/1.1. Default 64 KiB. */
  readonly chunks?: ChunkSize;
  /** Seconds that are not counted, and seconds that are. */
  readonly warm: number;
  readonly seconds: number;
  /** So many requests instead of seconds, all of them counted. */
  readonly times?: number;
}

/** Lanes that ask again as soon as they are answered. */
export interface ClosedLoop extends LoadShape, LoadTarget {
  readonly kind: "closed-loop";
}

/** So many requests per second, whether or not the earlier ones have been answered. */
export interface OpenLoop extends LoadShape, LoadTarget {
  readonly kind: "open-loop";
  readonly rate: number;
}

/** Connections that are used once each and stay open. */
export interface OpenIdle extends Pick<LoadTarget, "port" | "tls">, Pick<LoadShape, "exchange" | "lanes"> {
  readonly kind: "open-idle";
}

/** The task of the process. */
export type LoadTask = ClosedLoop | OpenLoop | OpenIdle | { readonly kind: "close-idle" };

/** The outcome of a load. */
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
  /** Seconds from when requests were due to the end of their answers, at `PERCENTILES`, where they were sent at a rate. */
  readonly latencies: readonly number[];
}

/** The process that sends requests and reads the answers. */
export class Load {
  readonly #large: Content;
  #program: Program;

  constructor(large: Content) {
    this.#large = large;
    this.#program = new Program("load-program.ts", large);
  }

  /** Rejects when not even the first connections could be made, or no end is in sight. */
  run(task: ClosedLoop | OpenLoop): Promise<LoadOutcome> {
    return this.#carryOut(task);
  }

  /** Makes connections that have been used once and stay open until `closeIdle`. */
  openIdle(connections: Omit<OpenIdle, "kind">): Promise<void> {
    return this.#carryOut({ kind: "open-idle", ...connections });
  }

  closeIdle(): Promise<void> {
    return this.#carryOut({ kind: "close-idle" });
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }

  async #carryOut<Outcome>(task: LoadTask): Promise<Outcome> {
    const program = this.#program;
    program.child.send(task);
    let gaveUp = false;
    const patience = setTimeout(() => {
      gaveUp = true;
      // What it still waits for must not be taken for the next task's.
      program.child.kill();
      this.#program = new Program("load-program.ts", this.#large);
    }, PATIENCE);
    const reported = await program
      .reported<{ outcome: Outcome } | { failure: string }>()
      .catch((cause: unknown) => {
        throw gaveUp ? new Error("it came to no end", { cause }) : cause;
      })
      .finally(() => clearTimeout(patience));
    if ("failure" in reported) throw new Error(reported.failure);
    return reported.outcome;
  }
}
