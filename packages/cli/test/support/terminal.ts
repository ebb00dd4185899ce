import { type ChildProcess, execFile, spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { onTestFinished } from "vitest";

const command = fileURLToPath(new URL("../../src/bin.ts", import.meta.url));

// The one of util-linux; others take other arguments.
const program = "script";
const script = await promisify(execFile)(program, ["--version"]).then(
  ({ stdout }) => stdout.includes("util-linux"),
  () => false,
);

/** Why there is no terminal here, for the name of a test; empty where there is one. */
export const reasonWithoutTerminal: string = script ? "" : " (skipped: there is no script command here)";

/** A command that runs on a terminal of its own. */
export interface OnTerminal {
  /** What stands between: its standard streams are the other side of the terminal. */
  readonly child: ChildProcess & { readonly stdin: NodeJS.WritableStream; readonly stdout: NodeJS.ReadableStream };
  /** The exit status. */
  readonly exited: Promise<number | null>;
  /** All that was drawn; empty with `unread`. */
  readonly output: Promise<string>;
}

/** Runs the command on a terminal of its own. With `unread` its output is left to the test to read, or not to. */
export function onTerminal(
  args: readonly string[],
  options: { cwd?: string; env?: Readonly<Record<string, string>>; unread?: boolean; columns?: number } = {},
): OnTerminal {
  const size = options.columns === undefined ? "" : `stty columns ${options.columns}; `;
  const line = size + [process.execPath, command, ...args].map((arg) => `'${arg}'`).join(" ");
  const env = { ...process.env, SHELL: "/bin/sh", TERM: "xterm", COLUMNS: "120", ...options.env };
  const child = spawn(program, ["--quiet", "--return", "--command", line, "/dev/null"], { ...options, env });
  onTestFinished(() => void child.kill("SIGKILL"));
  const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { child, exited, output: options.unread === true ? Promise.resolve("") : text(child.stdout) };
}
