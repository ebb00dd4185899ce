import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { certificate } from "@trailsum/testkit/certificate";

import type { Content, ExchangeName } from "./exchange.ts";

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

/** So many requests a second, whatever becomes of those before them. */
export interface OpenLoop extends LoadShape, LoadTarget {
  readonly kind: "open-loop";
  readonly rate: number;
}

/** What the process is told to do. */
export type LoadTask =
  | ClosedLoop
  | OpenLoop
  | { readonly kind: "open-idle"; readonly port: number; readonly lanes: number }
  | { readonly kind: "close-idle" };

/** What came of a load. */
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
  openIdle(port: number, lanes: number): Promise<void> {
    return this.#carryOut({ kind: "open-idle", port, lanes });
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
    const told = await program
      .told<{ outcome: Outcome } | { failure: string }>()
      .catch((cause: unknown) => {
        throw gaveUp ? new Error("it came to no end", { cause }) : cause;
      })
      .finally(() => clearTimeout(patience));
    if ("failure" in told) throw new Error(told.failure);
    return told.outcome;
  }
}

/** Where the origin listens. */
export interface OriginPorts {
  readonly http1: number;
  /** Cleartext, by prior knowledge. */
  readonly http2: number;
  /** Over TLS. */
  readonly http2Tls: number;
}

/** Files with a certificate and its key, PEM. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** The process that answers behind the proxies. */
export class Origin {
  readonly ports: OriginPorts;
  /** Its certificate. */
  readonly tls: TlsFiles;
  readonly #program: Program;

  private constructor(program: Program, ports: OriginPorts, tls: TlsFiles) {
    this.#program = program;
    this.ports = ports;
    this.tls = tls;
  }

  /** Keeps what it needs in `directory`. */
  static async start(large: Content, directory: string): Promise<Origin> {
    const { cert, key } = await certificate();
    const tls = { certFile: join(directory, "cert.pem"), keyFile: join(directory, "key.pem") };
    await Promise.all([writeFile(tls.certFile, cert), writeFile(tls.keyFile, key, { mode: 0o600 })]);
    const program = new Program("origin-program.ts", large, tls.certFile, tls.keyFile);
    return new Origin(program, await program.told(), tls);
  }

  /** Closes the connections that proxies keep open to it. */
  closeAll(): Promise<void> {
    this.#program.child.send("close");
    return this.#program.told();
  }

  get pid(): number {
    return this.#program.child.pid!;
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }
}

/** A process that runs a program beside this file, and ends when it is let go. */
class Program {
  readonly child: ChildProcess;
  readonly #exited: Promise<unknown>;

  constructor(file: string, large: Content, ...args: readonly string[]) {
    this.child = fork(join(import.meta.dirname, file), [JSON.stringify(large), ...args]);
    this.#exited = once(this.child, "exit");
  }

  /** The next thing that it tells. */
  async told<Told>(): Promise<Told> {
    const [told] = await Promise.race([
      once(this.child, "message") as Promise<[Told]>,
      this.#exited.then(() => {
        throw new Error(`${this.child.spawnargs[1]} has ended`);
      }),
    ]);
    return told;
  }

  async stop(): Promise<void> {
    if (this.child.connected) this.child.disconnect();
    await this.#exited;
  }
}
