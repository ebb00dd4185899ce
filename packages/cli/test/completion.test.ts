import { execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { trailsum } from "@trailsum/testkit";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";

import { commands, loadCommands } from "../src/commands/index.ts";
import { flagsPage } from "../src/manual/flags-page.ts";
import { completionScript, type Shell, shells } from "../src/manual/completion.ts";
import { reasonWithoutTerminal } from "./support/terminal.ts";

const run = promisify(execFile);

/** For the name of a test. */
async function absence(shell: Shell): Promise<string> {
  return run(shell, ["--version"]).then(
    () => "",
    () => ` (skipped: there is no ${shell} here)`,
  );
}

const absent = { bash: await absence("bash"), zsh: await absence("zsh"), fish: await absence("fish") };

let directory: string;
beforeAll(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), "trailsum-completion-")));
  const loaded = await loadCommands();
  for (const shell of shells) await writeFile(join(directory, shell), completionScript(shell, loaded));
  await writeFile(join(directory, "a file"), "");
});

afterAll(() => rm(directory, { recursive: true, force: true }));

describe.skipIf(absent.bash !== "")(`in bash${absent.bash}`, () => {
  test.each([
    ["trailsum up", "upload"],
    ["trailsum serve --read", "--read-only"],
    ["trailsum upload -X P", "PUT POST"],
    ["trailsum upload it --delivery=h", "header"],
    ["trailsum upload --no-pr", "--no-progress"],
    ["trailsum completion z", "zsh"],
    ["trailsum upload --auth x", ""],
    ["trailsum serve fi", ""],
  ])("%j is completed with %j", async (line, expected) => {
    const words = line.replaceAll("=", " = ").split(" ");
    const script = `source ./bash; COMP_WORDS=("$@"); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _trailsum; echo "\${COMPREPLY[*]}"`;
    const { stdout } = await run("bash", ["--norc", "-c", script, "-", ...words], { cwd: directory });
    expect(stdout.trim()).toBe(expected);
  });
});

// Named here, so that nothing takes it for a dependency.
const program = "script";
const withoutZsh = absent.zsh || reasonWithoutTerminal;

describe.skipIf(withoutZsh !== "")(`in zsh${withoutZsh}`, () => {
  test("the script completes a command, a flag and a value, on a terminal", async () => {
    const child = spawn(program, ["--quiet", "--return", "--command", "zsh -f -i", "/dev/null"], {
      cwd: directory,
      env: { ...process.env, TERM: "dumb", SHELL: "/bin/sh" },
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    let output = "";
    child.stdout.on("data", (piece: Buffer) => (output += piece.toString()));
    const setUp =
      "bindkey -e; autoload -Uz compinit && compinit -u -d ./dump; source ./zsh; unsetopt prompt_sp; echo REA''DY";
    child.stdin.write(`${setUp}\n`);
    await expect.poll(() => output).toContain("READY");
    for (const [typed, completed] of [
      ["trailsum up", "trailsum upload "],
      ["trailsum serve --read-o", "trailsum serve --read-only "],
      ["trailsum upload -X PO", "trailsum upload -X POST "],
    ] as const) {
      output = "";
      child.stdin.write(`${typed}\t`);
      await expect.poll(() => output).toContain(completed);
      // Ctrl-U empties the line.
      child.stdin.write("\u0015");
    }
    child.stdin.end("exit\n");
  });
});

describe.skipIf(absent.fish !== "")(`in fish${absent.fish}`, () => {
  test.each([
    ["trailsum up", "upload"],
    ["trailsum serve --read", "--read-only"],
    ["trailsum upload -X P", "PUT,POST"],
  ])("%j is completed with %j", async (line, expected) => {
    const script = `source ./fish; complete -C ${JSON.stringify(line)}`;
    const { stdout } = await run("fish", ["--no-config", "-c", script], { cwd: directory });
    const words = stdout
      .trim()
      .split("\n")
      .map((row) => row.split("\t")[0]!);
    expect(words.toSorted()).toEqual(expected.split(",").toSorted());
  });
});

test("every flag in help is in each script, and in docs/flags.md", async () => {
  const page = await readFile(join(import.meta.dirname, "../../../docs/flags.md"), "utf8");
  const [introduction = ""] = page.split(/^(?=## upload$)/m);
  // If this fails: node scripts/flags-page.ts
  const expected = flagsPage(await loadCommands(), `${introduction.trimEnd()}\n`);
  expect(unwrapped(page)).toBe(unwrapped(expected));
  const { stdout } = await trailsum(["serve", "--help"]);
  const flags = [...stdout.matchAll(/^ +(?:-\w, )?--([\w-]+)/gm)].map(([, flag]) => flag!);
  expect(flags.length).toBeGreaterThan(20);
  const serve = page.split(/^## /m).find((section) => section.startsWith("serve\n"));
  expect(flags.filter((flag) => !["version"].includes(flag) && !serve!.includes(`\`--${flag}`))).toEqual([]);
});

test("a command without examples, or with too many, does not exist", async () => {
  const counts = (await loadCommands()).map(({ name, examples }) => [name, examples.length] as const);
  expect(counts.filter(([, count]) => count < 1 || count > 4)).toEqual([]);
  expect(counts.map(([name]) => name)).toEqual(Object.keys(commands));
});

/** Lines may be wrapped by the formatter. */
function unwrapped(text: string): string {
  return text.replaceAll(/\s+/g, " ");
}
