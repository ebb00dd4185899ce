import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import type { Content } from "./exchange.ts";

/** A process that runs a program beside this file, and ends when it is let go. */
export class Program {
  readonly child: ChildProcess;
  readonly #exited: Promise<unknown>;

  constructor(file: string, large: Content, ...args: readonly string[]) {
    this.child = fork(join(import.meta.dirname, file), [JSON.stringify(large), ...args]);
    this.#exited = once(this.child, "exit");
  }

  /** The next message that it sends. */
  async reported<Report>(): Promise<Report> {
    const [reported] = await Promise.race([
      once(this.child, "message") as Promise<[Report]>,
      this.#exited.then(() => {
        throw new Error(`${this.child.spawnargs[1]} has ended`);
      }),
    ]);
    return reported;
  }

  async stop(): Promise<void> {
    if (this.child.connected) this.child.disconnect();
    await this.#exited;
  }
}
