import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { commandEnvironment, deadline, trailsum, type TrailsumOptions, type TrailsumResult } from "@trailsum/testkit";
import { afterAll } from "vitest";

/** What is asked of the process: one command. */
export interface CommandRequest {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** How that command ended, and what it wrote. */
export interface CommandResponse {
  readonly exitCode: number;
  readonly stdout: Uint8Array;
  readonly stderr: string;
}

type RunCommand = (args: readonly string[], options?: TrailsumOptions) => Promise<TrailsumResult>;

const program = fileURLToPath(new URL("command-process-program.ts", import.meta.url));

/** How long a command may take, in milliseconds. */
const patience = 45_000;

/**
 * Runs commands as `trailsum` of the testkit does, for the tests of a file, but one after the other in one process: most of
 * what a short command takes is the start of its process. After each command it waits until nothing is left that would keep
 * a process from its end. Commands at the same time have a process each, and those with input or settings for Node one of
 * their own. For tests of what commands do and say; call it at the top of the file.
 */
export function commandProcess(): RunCommand {
  const all: ChildProcess[] = [];
  const free: ChildProcess[] = [];
  afterAll(async () => {
    const running = all.filter((child) => child.connected);
    const ends = running.map((child) => once(child, "exit"));
    for (const child of running) child.disconnect();
    await Promise.all(ends);
  });
  return async (args, options = {}) => {
    const { cwd = process.cwd(), env = {}, ...others } = options;
    const forNode = Object.keys(env).some((name) => name.startsWith("NODE_"));
    if (forNode || Object.keys(others).length > 0) return trailsum(args, options);
    const child = free.pop() ?? fork(program, { env: commandEnvironment({}), serialization: "advanced", execArgv: [] });
    if (!all.includes(child)) all.push(child);
    const result = await runIn(child, { args, cwd, env: commandEnvironment(env) });
    free.push(child);
    return result;
  };
}

async function runIn(child: ChildProcess, request: CommandRequest): Promise<TrailsumResult> {
  const { promise, resolve, reject } = Promise.withResolvers<CommandResponse>();
  const ended = (): void => reject(new Error(`the process of trailsum ${request.args.join(" ")} has ended`));
  child.once("message", resolve).once("exit", ended);
  try {
    child.send(request);
    const describe = (): string => `trailsum ${request.args.join(" ")} does not end`;
    const { exitCode, stdout, stderr } = await deadline(promise, describe, patience);
    const stdoutBytes = Buffer.from(stdout);
    return { exitCode, signal: null, stdout: stdoutBytes.toString(), stdoutBytes, stderr };
  } finally {
    child.off("message", resolve).off("exit", ended);
  }
}
