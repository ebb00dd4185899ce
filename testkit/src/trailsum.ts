import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { deadline } from "./deadline.ts";

// Never through a package runner: those do not pass signals on.
const command = fileURLToPath(new URL("../../packages/cli/src/bin.ts", import.meta.url));

/** How long a process may take, in milliseconds by default: it starts slowly where others run beside it. */
const patience = 45_000;

/** Settings of `trailsum` and `startTrailsum`. */
export interface TrailsumOptions {
  /** Added to the environment of the test, from which every `TRAILSUM_` variable is taken out; `undefined` removes one. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Standard input. Default: empty. */
  readonly input?: string | Uint8Array | Readable;
  /** Descriptors that the process is given in place of pipes; `input` is then left out, and nothing is collected from them. */
  readonly stdio?: { readonly stdin?: number; readonly stdout?: number; readonly stderr?: number };
  readonly cwd?: string;
  /** Milliseconds until the process is killed and the call rejects. Default: 45 seconds. */
  readonly timeout?: number;
  /** Arguments for node itself, before the script. */
  readonly nodeArgs?: readonly string[];
  /** Receives the function that kills the process. Default: the test that runs, which calls it when it ends. For one that several tests share. */
  readonly atEnd?: (kill: () => Promise<void>) => void;
}

/** How a `trailsum` process ended, and what it said. */
export interface TrailsumResult {
  /** `null` when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  /** The same as `stdout`, byte by byte. */
  readonly stdoutBytes: Buffer;
  readonly stderr: string;
}

/** A `trailsum serve` or `trailsum proxy` that is ready. */
export interface RunningTrailsum {
  /** What it says that it listens on, without a trailing slash. */
  readonly url: string;
  readonly child: ChildProcess;
  /** What it has written so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Settles when the process is gone, by whatever cause. */
  readonly exited: Promise<TrailsumResult>;
  /** Sends `signal` (default SIGTERM) and waits for the end. A process that outlives the timeout is killed, and the call rejects. */
  stop(signal?: NodeJS.Signals, timeout?: number): Promise<TrailsumResult>;
}

/** A command that was started, whether it ends well or not. */
export interface TrailsumProcess {
  readonly child: ChildProcess;
  /** Settles when it is gone, by whatever cause. */
  readonly exited: Promise<TrailsumResult>;
  /** What it has written so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
}

/** Runs the command from its source to its end, with the node that runs the tests. A failure of the command is a result, not an error. */
export async function trailsum(args: readonly string[], options: TrailsumOptions = {}): Promise<TrailsumResult> {
  const running = spawnTrailsum(args, options);
  const describe = (): string => `trailsum ${args.join(" ")} does not end. ${said(running)}`;
  try {
    return await deadline(running.exited, describe, options.timeout ?? patience);
  } finally {
    running.child.kill("SIGKILL");
  }
}

/** Starts a command that stays, and resolves once it has printed `listening on <url>`. Killed when the test ends, if still there. */
export async function startTrailsum(args: readonly string[], options: TrailsumOptions = {}): Promise<RunningTrailsum> {
  const running = spawnTrailsum(args, options);
  const { child, exited } = running;
  const ready = new Promise<string>((resolve, reject) => {
    child.stdout?.on("data", () => {
      const url = /^listening on (\S+)\r?\n/m.exec(running.stdout())?.[1];
      if (url !== undefined) resolve(url.replace(/\/$/, ""));
    });
    const early = (): void => reject(new Error(`trailsum ${args.join(" ")} ended early. ${said(running)}`));
    exited.then(early, reject);
  });
  const describe = (): string => `trailsum ${args.join(" ")} does not get ready. ${said(running)}`;
  const url = await deadline(ready, describe, options.timeout ?? patience);
  return {
    url,
    child,
    exited,
    stdout: running.stdout,
    stderr: running.stderr,
    async stop(signal = "SIGTERM", timeout = patience) {
      child.kill(signal);
      try {
        return await deadline(exited, () => `it outlives ${signal}. ${said(running)}`, timeout);
      } finally {
        child.kill("SIGKILL");
      }
    },
  };
}

/** Starts the command from its source, for tests that send it signals. Killed when the test ends, if still there. */
export function spawnTrailsum(args: readonly string[], options: TrailsumOptions = {}): TrailsumProcess {
  const { input, stdio: { stdin = "pipe", stdout: outTo = "pipe", stderr: errTo = "pipe" } = {} } = options;
  const child: ChildProcess = spawn(process.execPath, [...(options.nodeArgs ?? []), command, ...args], {
    cwd: options.cwd,
    env: commandEnvironment(options.env ?? {}),
    stdio: [stdin, outTo, errTo],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => err.push(chunk));
  if (child.stdin !== null) {
    // A command that ends without reading its input breaks the pipe; its exit code says all there is to say.
    pipeline(input instanceof Readable ? input : Readable.from(input === undefined ? [] : [input]), child.stdin).catch(
      () => {},
    );
  }
  const stdout = (): string => Buffer.concat(out).toString();
  const stderr = (): string => Buffer.concat(err).toString();
  const exited = new Promise<TrailsumResult>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode, signal) => {
      const stdoutBytes = Buffer.concat(out);
      resolve({ exitCode, signal, stdout: stdoutBytes.toString(), stdoutBytes, stderr: stderr() });
    });
  });
  exited.catch(() => {});
  const { atEnd = onTestFinished } = options;
  atEnd(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  return { child, exited, stdout, stderr };
}

function said({ stdout, stderr }: TrailsumProcess): string {
  return `It wrote on stdout: ${JSON.stringify(stdout())} and on stderr: ${JSON.stringify(stderr())}`;
}

/** The environment of a command: that of the test without what would change what a command prints. `undefined` removes one. */
export function commandEnvironment(added: Readonly<Record<string, string | undefined>>): NodeJS.ProcessEnv {
  // What the developer's shell or the test runner sets must not change what the command prints.
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(TRAILSUM_|VITEST|NODE_ENV$|NODE_OPTIONS$|FORCE_COLOR$|(?:HTTPS?|ALL|NO)_PROXY$)/i.test(name),
  );
  // Nor must what another test has learned of a port that this one uses again: no file can be made there.
  return { ...Object.fromEntries(inherited), XDG_CACHE_HOME: "/dev/null", ...added };
}
