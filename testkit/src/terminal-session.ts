import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from "node:child_process";

import { deadline, defaultTimeout } from "./deadline.ts";
import { terminalScreen } from "./terminal-screen.ts";

/** Printed before each prompt, and not shown by a terminal (the shell integration mark of OSC 133). */
const MARK = "\x1b]133;A\x07";

// Of util-linux; a name that is looked up where the tests run.
const SCRIPT = "script";

/** Why no terminal can be made here. Empty where `script` of util-linux and bash are installed. */
export const reasonWithoutSession: string = [SCRIPT, "bash"].every(isInstalled)
  ? ""
  : " (skipped: no script command of util-linux, or no bash)";

function isInstalled(program: string): boolean {
  try {
    return execFileSync(program, ["--version"], { encoding: "utf8" }).includes(
      program === SCRIPT ? "util-linux" : "GNU",
    );
  } catch {
    return false;
  }
}

/** An interactive bash on a pseudo-terminal of 100 columns. Close it at the end. */
export class TerminalSession {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #closed: Promise<void>;
  #written = "";
  /** Calls the waiting method again after each output. */
  #changed: () => void = () => {};

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    this.#closed = new Promise((resolve) => void child.once("close", () => resolve()));
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#written += text;
      this.#changed();
    });
    // After the shell has ended.
    child.stdin.on("error", () => {});
  }

  /** Starts the shell and waits for its prompt, `$ `. */
  static async open(cwd: string, env: NodeJS.ProcessEnv): Promise<TerminalSession> {
    const shell = "stty columns 100; exec bash --noprofile --norc -i";
    const child = spawn(SCRIPT, ["--quiet", "--return", "--flush", "--command", shell, "/dev/null"], {
      cwd,
      env: { ...env, SHELL: "/bin/sh", TERM: "xterm", HISTFILE: "", INPUTRC: "/dev/null", PS1: `\\[\\e]133;A\\a\\]$ ` },
    });
    const session = new TerminalSession(child);
    await session.#until((written) => written.includes(MARK), 0, defaultTimeout, "the first prompt");
    return session;
  }

  /**
   * Types a command and waits for the next prompt or, for a command that keeps running, for its screen to match `shown`. Returns what the
   * terminal shows below the command.
   */
  async type(
    command: string,
    { shown, timeout = defaultTimeout }: { shown?: RegExp; timeout?: number } = {},
  ): Promise<string> {
    const from = this.#written.length;
    this.#child.stdin.write(`${command}\n`);
    const done = (written: string): boolean => shown?.test(terminalScreen(written)) ?? written.includes(MARK);
    await this.#until(done, from, timeout, command);
    const [, ...lines] = terminalScreen(this.#written.slice(from)).split("\n");
    if (shown === undefined) lines.pop();
    return lines.join("\n").trimEnd();
  }

  /** Interrupts what runs, and ends the shell. */
  async close(): Promise<void> {
    this.#child.stdin.write("\x03");
    this.#child.stdin.end("exit\n");
    const stopped = deadline(this.#closed, () => "the shell does not end");
    await stopped.catch(() => this.#child.kill("SIGKILL"));
  }

  async #until(done: (written: string) => boolean, from: number, timeout: number, what: string): Promise<void> {
    const reached = new Promise<void>((resolve, reject) => {
      this.#changed = () => {
        if (done(this.#written.slice(from))) resolve();
      };
      this.#changed();
      void this.#closed.then(() => reject(new Error(`the terminal closed: ${this.#written.slice(from)}`)));
    });
    await deadline(reached, () => `${what}: ${JSON.stringify(this.#written.slice(from))}`, timeout);
  }
}
