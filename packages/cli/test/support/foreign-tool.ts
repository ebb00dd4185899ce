import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { promisify } from "node:util";

import { freePort } from "@trailsum/testkit";
import { findProgram } from "@trailsum/testkit/installed-program";
import { onTestFinished } from "vitest";

/** How a tool ended, and what it said. */
export interface ToolResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program of other people that is started by its name. */
export class ForeignTool {
  readonly name: string;
  /** The name, or why it is skipped. */
  readonly title: string;
  readonly present: boolean;
  readonly #path: string;

  private constructor(name: string, path: string | undefined) {
    this.name = name;
    this.present = path !== undefined;
    this.title = this.present ? name : `${name} (skipped: it is not installed here)`;
    this.#path = path ?? name;
  }

  /** The one at `path`; without one it is not installed here. */
  static at(name: string, path: string | undefined): ForeignTool {
    return new ForeignTool(name, path);
  }

  /** Looks where programs are, those for administrators too: Debian puts servers there. */
  static async find(name: string): Promise<ForeignTool> {
    return new ForeignTool(name, await findProgram(name));
  }

  /** Runs it to its end. A failure is a result, not an error. */
  async run(args: readonly string[]): Promise<ToolResult> {
    try {
      const { stdout, stderr } = await promisify(execFile)(this.#path, [...args], {
        timeout: 60_000,
        maxBuffer: 16 << 20,
      });
      return { exitCode: 0, stdout, stderr };
    } catch (error) {
      const { code, stdout = "", stderr = "" } = error as { code?: number; stdout?: string; stderr?: string };
      if (typeof code !== "number") throw error;
      return { exitCode: code, stdout, stderr };
    }
  }

  /** Starts it as a server on a free port of 127.0.0.1, and gives the port once it listens. It ends with the test. */
  async serve(args: (port: number) => readonly string[]): Promise<number> {
    const port = await freePort();
    const child = spawn(this.#path, [...args(port)], { stdio: ["ignore", "ignore", "inherit"] });
    const gone = once(child, "exit");
    onTestFinished(async () => {
      child.kill("SIGKILL");
      await gone;
    });
    while (!(await listens(port))) {
      if (child.exitCode !== null) throw new Error(`${this.name} ended with ${child.exitCode}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return port;
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
