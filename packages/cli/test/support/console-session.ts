import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { startTrailsum, tempDir } from "@trailsum/testkit";

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

/** Runs the commands one after the other in a new directory, those that end in ` &` until the test ends. */
export async function playSession(steps: readonly Step[]): Promise<Step[]> {
  const directory = await tempDir();
  const bin = join(import.meta.dirname, "../../src/bin.ts");
  await writeFile(join(directory, "trailsum"), `#!/bin/sh\nexec "${process.execPath}" "${bin}" "$@"\n`, {
    mode: 0o755,
  });
  const env = { ...process.env, PATH: `${directory}:${process.env["PATH"]}` };
  // What listens is started on a free port, and what is shown to ask for its port asks for that one.
  const ports = new Map<string, string>();
  const withPorts = (text: string): string =>
    text.replaceAll(/:(80\d\d)\b/g, (_, port: string) => `:${ports.get(port)}`);
  const printed: Step[] = [];
  for (const { command } of steps) {
    if (command.endsWith(" &")) {
      const [, port = ""] = /--port (\d+)/.exec(command) ?? [];
      const args = withPorts(command.replace(`--port ${port}`, "--port 0")).replace(/^trailsum | &$/g, "");
      const server = await startTrailsum(args.split(" "), { cwd: directory });
      ports.set(port, new URL(server.url).port);
      printed.push({ command, output: server.stdout().trim().replace(/\d+$/, port) });
    } else {
      const { stdout } = await promisify(execFile)("sh", ["-c", withPorts(command)], { cwd: directory, env });
      printed.push({ command, output: stdout.trimEnd() });
    }
  }
  return printed;
}
