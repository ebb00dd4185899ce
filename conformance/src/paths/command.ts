import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../../packages/cli/src/bin.ts", import.meta.url));

/** How a command ended. */
export interface CommandResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Settings of {@link runCommand} and {@link startCommand}. */
export interface CommandOptions {
  /** A certificate, PEM, that the command trusts. */
  readonly trusted: string;
  /** A directory of its own, in which it keeps what it learns. */
  readonly home: string;
}

/** Runs `trailsum` to its end. */
export async function runCommand(
  args: readonly string[],
  { input, ...options }: CommandOptions & { readonly input: Readable },
): Promise<CommandResult> {
  const child = run(args, options);
  const [stdout, stderr, exited] = [text(child.stdout!), text(child.stderr!), once(child, "exit")];
  // A command that fails early breaks the pipe.
  await pipeline(input, child.stdin!).catch(() => {});
  const [exitCode] = (await exited) as [number | null];
  return { exitCode, stdout: await stdout, stderr: await stderr };
}

/** A `trailsum serve` or `trailsum proxy` that listens. */
export interface RunningCommand {
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts `trailsum serve` or `trailsum proxy`, and waits until it listens. */
export async function startCommand(args: readonly string[], options: CommandOptions): Promise<RunningCommand> {
  const child = run(args, options);
  const exited = once(child, "exit");
  child.stdin!.end();
  child.stderr!.resume();
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await exited;
  };
  const port = new Promise<number>((resolve, reject) => {
    let said = "";
    child.stdout!.on("data", (piece: Buffer) => {
      said += piece.toString();
      const found = /^listening on \S+:(\d+)/m.exec(said)?.[1];
      if (found !== undefined) resolve(Number(found));
    });
    child.once("exit", (code) => reject(new Error(`trailsum ${args.join(" ")} ended with ${code}`)));
  });
  return { port: await port, stop };
}

function run(args: readonly string[], { trusted, home }: CommandOptions): ChildProcess {
  // What the user's shell has set must not decide what is measured.
  const inherited = Object.entries(process.env).filter(([name]) => !/^(?:TRAILSUM_|NODE_OPTIONS$)|_PROXY$/i.test(name));
  const env = { ...Object.fromEntries(inherited), NODE_EXTRA_CA_CERTS: trusted, HOME: home, XDG_CACHE_HOME: home };
  return spawn(process.execPath, [program, ...args], { env, stdio: ["pipe", "pipe", "pipe"] });
}
