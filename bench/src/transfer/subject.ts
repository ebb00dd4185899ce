import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Readable } from "node:stream";

import { packedCommand } from "../packed-command.ts";
import { cpuSeconds } from "../process-usage.ts";
import { profilingArgs } from "../profiles.ts";

/** What one run of a process took. */
export interface Usage {
  /** Seconds by the clock. */
  readonly wall: number;
  /** Seconds of processor time, its own and the system's on its behalf. */
  readonly cpu: number;
  /** The most memory it held at a time, in bytes; known of those that report it: see {@link reportingPeak}. */
  readonly peak: number | undefined;
  readonly stdout: string;
}

const usageHook = join(import.meta.dirname, "usage-hook.ts");

/** A process that is being measured. */
interface Running {
  readonly child: ChildProcess;
  /** Settles when it has ended; rejects when it failed. */
  readonly usage: Promise<Usage>;
}

/** A server that is being measured. */
export interface RunningServer {
  readonly url: string;
  /** Seconds of processor time that it has taken so far. */
  cpu(): number;
  stop(): Promise<Usage>;
}

/** The arguments with which Node runs `trailsum`, as it is installed. */
export async function trailsum(...args: string[]): Promise<string[]> {
  return [process.execPath, ...profilingArgs(args[0] ?? ""), await packedCommand(), ...args];
}

/** The arguments with which Node runs one of the programs here. */
export function program(name: string, ...args: string[]): string[] {
  return [process.execPath, join(import.meta.dirname, `${name}-program.ts`), ...args];
}

/** The same, telling at its end how much memory it held. That makes its start take longer. */
export function reportingPeak([node = "", ...args]: readonly string[]): string[] {
  return [node, "--import", usageHook, ...args];
}

/** Starts a process; the shell keeps the time, as it does for any command. */
function start(command: readonly string[], input?: Readable): Running {
  // The shell outlives the signal that stops a server, so that it can report the time.
  const timed = 'trap : TERM; TIMEFORMAT="%U %S"; time "$0" "$@" 2>&3';
  const child = spawn("bash", ["-c", timed, ...command], {
    stdio: ["pipe", "pipe", "pipe", "pipe", "pipe"],
    detached: true,
  });
  const [stdin, stdout, times, stderr, peak] = child.stdio;
  if (input === undefined) stdin?.end();
  else {
    input.pipe(stdin);
    stdin.on("error", () => input.destroy());
  }
  const began = performance.now();
  const texts = Promise.all([stdout, times, stderr, peak].map((stream) => text(stream as Readable)));
  const usage = once(child, "exit").then(async ([code]) => {
    const wall = (performance.now() - began) / 1000;
    const [out = "", timesText = "", errors = "", peakText = ""] = await texts;
    if (code !== 0) throw new Error(`${command.join(" ")} failed (${code}): ${errors}`);
    const [user = 0, system = 0] = timesText.trim().split(" ").map(Number);
    return { wall, cpu: user + system, peak: peakText === "" ? undefined : Number(peakText), stdout: out };
  });
  return { child, usage };
}

/** Runs a process to its end. */
export function run(command: readonly string[], input?: Readable): Promise<Usage> {
  return start(command, input).usage;
}

/** Starts a server that prints `listening on <url>`. */
export async function startServer(command: readonly string[]): Promise<RunningServer> {
  const { child, usage } = start(command);
  const stdout = child.stdout!;
  let seen = "";
  const url = await new Promise<string>((resolve, reject) => {
    stdout.on("data", (chunk: Buffer) => {
      seen += chunk.toString();
      const found = /listening on (\S+)/.exec(seen)?.[1];
      if (found !== undefined) resolve(found);
    });
    usage.catch(reject);
  });
  return {
    url,
    cpu: () => cpuSeconds(child.pid!),
    stop() {
      // The group: the shell that keeps the time waits for what it started.
      process.kill(-child.pid!, "SIGTERM");
      return usage;
    },
  };
}

async function text(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(stream, "close");
  return Buffer.concat(chunks).toString();
}
