// Does what the README says in a clean clone, as a reader would: installs, types its commands into a terminal, compares what
// the screens show, and runs its programs. It clones what is committed.
import { deepStrictEqual } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { sessionSteps, timeless, typeSession } from "../packages/cli/test/support/console-session.ts";
import { expectedOutput } from "../packages/cli/test/support/page-program.ts";
import { freePort, withFreePorts } from "../testkit/src/free-ports.ts";
import { reasonWithoutSession, TerminalSession } from "../testkit/src/terminal-session.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The terminals that are open. */
const terminals: TerminalSession[] = [];

async function openTerminal(directory: string): Promise<TerminalSession> {
  const terminal = await TerminalSession.open(directory, process.env);
  terminals.push(terminal);
  return terminal;
}

async function check(what: string, shown: Promise<unknown>, expected: unknown): Promise<void> {
  deepStrictEqual(await shown, expected, what);
  console.log(`ok    ${what}`);
}

/** The commands of the installation: the first installs, the second is for every terminal, the third shows that it works. */
type Installation = readonly [install: string, path: string, help: string];

async function checkInstallation(terminal: TerminalSession, [install, path, help]: Installation): Promise<void> {
  const installed = terminal.type(install, { timeout: 300_000 }).then((output) => /^Done in /m.test(output));
  await check(install, installed, true);
  await check(path, terminal.type(path), "");
  const helped = terminal.type(help).then((output) => output.includes("trailsum <command>"));
  await check(help, helped, true);
}

/** The programs of the README, each saved as it says, in front of a server where it needs one. */
async function checkPrograms(clone: string, readme: string, open: () => Promise<TerminalSession>): Promise<void> {
  const port = await freePort();
  const server = await open();
  await server.type(`trailsum serve files --port ${port}`, { shown: /^listening on /m });
  const terminal = await open();
  for (const [, code = ""] of readme.matchAll(/^```js\n(.*?)^```$/gms)) {
    for (const name of ["example.mjs", "example.ts"]) {
      writeFileSync(join(clone, name), (await withFreePorts(code)).replaceAll("8080", String(port)));
      const printed = terminal.type(`node ${name}`).then((output) => output.split("\n"));
      await check(`node ${name}: ${expectedOutput(code).join()}`, printed, expectedOutput(code));
    }
  }
}

const directory = mkdtempSync(join(tmpdir(), "trailsum-readme-"));
try {
  if (reasonWithoutSession === "") {
    const clone = join(directory, "trailsum");
    execFileSync("git", ["clone", "--quiet", "--depth", "1", `file://${root}`, clone]);
    const readme = readFileSync(join(clone, "README.md"), "utf8");
    const [installation = ""] = [...readme.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text]) => text ?? "");
    const [install = "", path = "", help = ""] = installation.trim().split("\n");
    await checkInstallation(await openTerminal(clone), [install, path, help]);
    const open = async (): Promise<TerminalSession> => {
      const terminal = await openTerminal(clone);
      await terminal.type(path);
      return terminal;
    };
    const steps = sessionSteps(readme);
    const shown = typeSession(steps, open).then((all) => all.map(timeless));
    await check(`${steps.length} commands, typed into terminals`, shown, steps.map(timeless));
    await checkPrograms(clone, readme, open);
  } else console.log(`nothing is typed${reasonWithoutSession}`);
} finally {
  await Promise.all(terminals.map((terminal) => terminal.close()));
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
}
