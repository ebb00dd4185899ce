import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { freePort } from "@trailsum/testkit/free-ports";
import { findProgram } from "@trailsum/testkit/installed-program";

import type { Peer, PeerManner } from "./peer.ts";

/** A peer that is running, and is started again when it dies. */
export class PeerProcess {
  readonly port: number;
  /** How often it has died of what it was sent. */
  deaths = 0;
  readonly #command: readonly string[];
  readonly #directory: string;
  #child: ChildProcess | undefined;

  private constructor(port: number, command: readonly string[], directory: string) {
    this.port = port;
    this.#command = command;
    this.#directory = directory;
  }

  /** Starts a peer towards an origin. It waits a second for an answer by default. */
  static async start(peer: Peer, originPort: number, manner: Partial<PeerManner> = {}): Promise<PeerProcess> {
    const directory = await mkdtemp(join(tmpdir(), "conformance-"));
    const port = await freePort();
    const [program = "", ...args] = await peer.command({ port, originPort, directory, timeout: 1, ...manner });
    const running = new PeerProcess(port, [(await findProgram(program)) ?? program, ...args], directory);
    try {
      await running.ready();
      return running;
    } catch (error) {
      await running.stop();
      throw error;
    }
  }

  /** The process that was started; it may have others that do the work. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Settles when it listens; starts it again if it has died. */
  async ready(): Promise<void> {
    for (let tries = 0; tries < 200; tries += 1) {
      if (this.#child === undefined) this.#run();
      if (await answers(this.port)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error("it does not listen");
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child !== undefined) {
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      const harder = setTimeout(() => child.kill("SIGKILL"), 3_000);
      await exited;
      clearTimeout(harder);
    }
    await rm(this.#directory, { recursive: true, force: true });
  }

  #run(): void {
    const [program = "", ...args] = this.#command;
    const home = this.#directory;
    const env = { ...process.env, HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home };
    const child = spawn(program, args, { stdio: "ignore", env });
    this.#child = child;
    child.once("exit", () => {
      this.#child = undefined;
      this.deaths += 1;
    });
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}
