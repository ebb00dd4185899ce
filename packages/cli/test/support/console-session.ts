import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { freePort, startTrailsum, tempDir, TerminalSession } from "@trailsum/testkit";
import { onTestFinished } from "vitest";

/** A command of a page, and what it prints. */
export interface Step {
  readonly command: string;
  readonly output: string;
}

/** The commands of a page's ```console blocks, and what the page says that each of them prints. */
export function sessionSteps(page: string): Step[] {
  return [...page.matchAll(/^```console\n(.*?)^```$/gms)].flatMap(([, text = ""]) =>
    text
      .split(/^\$ /m)
      .slice(1)
      .map((step) => {
        const [command = "", ...output] = step.trimEnd().split("\n");
        return { command, output: output.join("\n") };
      }),
  );
}

/** The port of a command that starts a server and keeps its terminal; undefined for any other. */
function serverPort(command: string): string | undefined {
  return /^trailsum (?:serve|proxy) .*--port (\d+)\b/.exec(command)?.[1];
}

/** A new directory with the command `trailsum`, and the environment in which a shell finds it. */
async function sessionDirectory(): Promise<{ directory: string; env: NodeJS.ProcessEnv }> {
  const directory = await tempDir();
  const bins = await tempDir();
  const bin = join(import.meta.dirname, "../../src/bin.ts");
  await writeFile(join(bins, "trailsum"), `#!/bin/sh\nexec "${process.execPath}" "${bin}" "$@"\n`, { mode: 0o755 });
  return { directory, env: { ...process.env, PATH: `${bins}:${process.env["PATH"]}` } };
}

/** Ports that a page shows, and the free ones that stand in for them. */
class ShownPorts {
  readonly #ports = new Map<string, string>();

  /** From now on `actual` is used where the page shows `shown`. */
  use(shown: string, actual: string): void {
    this.#ports.set(shown, actual);
  }

  /** A text of the page with the ports in use. */
  actual(text: string): string {
    return text.replaceAll(/:(80\d\d)\b/g, (_, port: string) => `:${this.#ports.get(port) ?? port}`);
  }

  /** An output with the ports of the page. */
  shown(text: string): string {
    return [...this.#ports].reduce((output, [shown, actual]) => output.replaceAll(`:${actual}`, `:${shown}`), text);
  }
}

/** Runs the commands one after the other in a new directory, servers until the test ends. */
export async function playSession(steps: readonly Step[]): Promise<Step[]> {
  const { directory, env } = await sessionDirectory();
  const ports = new ShownPorts();
  const printed: Step[] = [];
  for (const { command } of steps) {
    const port = serverPort(command);
    if (port !== undefined) {
      const args = ports.actual(command.replace(`--port ${port}`, "--port 0")).replaceAll(/^trailsum | &$/g, "");
      const server = await startTrailsum(args.split(" "), { cwd: directory });
      ports.use(port, new URL(server.url).port);
      printed.push({ command, output: ports.shown(server.stdout().trim()) });
    } else {
      const { stdout } = await promisify(execFile)("sh", ["-c", ports.actual(command)], { cwd: directory, env });
      printed.push({ command, output: stdout.trimEnd() });
    }
  }
  return printed;
}

/** A shell on a terminal in a new directory that finds the command, for each call; they close with the test. */
export async function openTerminals(): Promise<() => Promise<TerminalSession>> {
  const { directory, env } = await sessionDirectory();
  return async () => {
    const session = await TerminalSession.open(directory, env);
    onTestFinished(() => session.close(), 20_000);
    return session;
  };
}

/** Types the commands into a terminal, each server into one of its own, and returns what the screens show. */
export async function typeSession(steps: readonly Step[], open: () => Promise<TerminalSession>): Promise<Step[]> {
  const ports = new ShownPorts();
  const main = await open();
  const shown: Step[] = [];
  for (const step of steps) {
    const port = serverPort(step.command);
    if (port !== undefined) {
      const server = ports.actual(step.command).replace(`--port ${port}`, `--port ${await freePort()}`);
      const output = await (await open()).type(server, { shown: /^listening on \S+\n/m });
      ports.use(port, /:(\d+)$/.exec(output)?.[1] ?? port);
      shown.push({ command: step.command, output: ports.shown(output) });
    } else shown.push({ command: step.command, output: ports.shown(await main.type(ports.actual(step.command))) });
  }
  return shown;
}

/** A step without what differs from run to run: the time and rate of a summary, and the order of files sent at once. */
export function timeless({ command, output }: Step): Step {
  const lines = output.replace(/ in \d+s \(\d+ B\/s\)$/m, "").split("\n");
  return { command, output: lines.toSorted().join("\n") };
}
