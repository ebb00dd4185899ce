import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { tempDir } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { commandProcess } from "./support/command-process.ts";
import { serve } from "./support/serving.ts";

const trailsum = commandProcess();

const page = await readFile(join(import.meta.dirname, "../../../docs/http-resource.md"), "utf8");

/** The commands of the page, each with what it prints. */
const commands = [...page.matchAll(/^```\n([^]*?)^```$/gm)].flatMap(([, block]) =>
  block!
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [command = "", ...output] = part.trimEnd().split("\n");
      return { command, output: output.join("\n") };
    }),
);

test("the commands of docs/http-resource.md do what it says", async () => {
  const flags = commands.at(-1)!.command.split(" ").slice(3);
  const { url } = await serve(flags);
  const cwd = await tempDir();
  const run = async (command: string): Promise<string> => {
    if (command.startsWith("trailsum ")) return (await trailsum(command.split(" ").slice(1), { cwd })).stdout;
    return (await promisify(execFile)("/bin/sh", ["-c", command], { cwd })).stdout;
  };
  for (const { command, output } of commands.slice(0, -1)) {
    const printed = await run(command.replaceAll("http://127.0.0.1:8080", url));
    expect([command, printed.trimEnd()]).toEqual([command, output]);
  }
  for (const [origin, allowed] of [
    ["https://app.example", true],
    ["https://other.example", false],
  ] as const) {
    const answer = await fetch(`${url}/`, { headers: { Origin: origin } });
    await answer.arrayBuffer();
    expect(answer.headers.get("Access-Control-Allow-Origin")).toBe(allowed ? origin : null);
  }
});

test("--cors takes origins only", async () => {
  const refused = await trailsum(["serve", await tempDir(), "--port", "0", "--cors", "app.example/x"]);
  expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining("is not a valid origin")]);
});
