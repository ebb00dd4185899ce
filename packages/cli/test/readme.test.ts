import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { rawServer, reasonWithoutSession, startTrailsum, trailsum } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { openTerminals, sessionSteps, timeless, typeSession } from "./support/console-session.ts";
import { expectedOutput, programDirectory, runProgram } from "./support/page-program.ts";

const root = join(import.meta.dirname, "../../..");
const readme = await readFile(join(root, "README.md"), "utf8");

interface Block {
  readonly language: string;
  readonly text: string;
}

/** Every fenced block of the README, in order. */
const blocks: Block[] = [...readme.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = "", text = ""]) => ({
  language,
  text,
}));

const blocksIn = (language: string): string[] =>
  blocks.filter((block) => block.language === language).map(({ text }) => text);

test("every block is of a kind that is run here", () => {
  expect(new Set(blocks.map(({ language }) => language))).toEqual(new Set(["sh", "http", "console", "js"]));
});

test("the commands that try it are those that continuous integration runs", async () => {
  const ci = await readFile(join(root, ".ci/run"), "utf8");
  const commands = blocksIn("sh").at(-1)!.trim().split("\n");
  expect(commands).toEqual(["npx -y pnpm@12 demo", "npx -y pnpm@12 test"]);
  expect(ci).toMatch(/^pnpm\(\) \{.*npx -y pnpm@12/ms);
  expect(ci).toMatch(/^\s*pnpm test\b/m);
  expect(ci).toMatch(/^step demo pnpm demo$/m);
  // Packing, and installing what was packed, takes a registry.
  expect(ci).toMatch(/^step pack\S* pnpm pack:check$/m);
  expect(ci).toMatch(/^step readme pnpm readme:check$/m);
});

test("after the installation in a clone a shell finds the command and the pinned Node", async () => {
  const [inClone = ""] = blocksIn("sh");
  const [install, ...others] = inClone.trim().split("\n");
  expect([install, others.length]).toEqual(["npx -y pnpm@12 install", 2]);
  const script = [...others, "node --version"].join("\n");
  const { stdout } = await promisify(execFile)("/bin/sh", ["-ec", script], {
    cwd: root,
    env: { PATH: "/usr/bin:/bin" },
  });
  expect(stdout).toContain("trailsum <command>");
  expect(stdout.trim().split("\n").at(-1)).toBe(process.version);
});

test("the message on the wire is what an upload of four bytes puts there", async () => {
  const server = await rawServer(async (connection) => {
    await connection.readUntil("\r\n0\r\n");
    await connection.readUntil("\r\n\r\n");
    await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  const { exitCode } = await trailsum(["upload", "-", `${server.origin}/backup.tar`, "--delivery", "trailers"], {
    input: "body",
  });
  expect(exitCode).toBe(0);
  const [shown] = blocksIn("http");
  const sent = server.connections[0]!.received.toString().replaceAll("\r\n", "\n");
  expect(sent.replace(`:${server.port}\n`, ":8080\n")).toBe(shown);
});

test.skipIf(reasonWithoutSession !== "")(
  `the commands, typed into a terminal, show what the README shows${reasonWithoutSession}`,
  async () => {
    const steps = sessionSteps(readme);
    const shown = await typeSession(steps, await openTerminals());
    expect(shown.map(timeless)).toEqual(steps.map(timeless));
  },
);

describe("the code", () => {
  test.each(blocksIn("js").map((code) => [code.split("\n").find((line) => line.includes("trailsum")) ?? "", code]))(
    "%s",
    async (_name, code) => {
      const directory = await programDirectory();
      const server = await startTrailsum(["serve", directory, "--port", "0"]);
      const { port } = new URL(server.url);
      expect(await runProgram(code.replaceAll("8080", port), directory)).toEqual(expectedOutput(code));
    },
  );
});

test("the digests it shows are those of the content it shows", () => {
  const digest = createHash("md5").update("body").digest();
  expect(readme).toContain(`Md5: ${digest.toString("hex")}`);
  const sha256 = createHash("sha256").update("body").digest("base64");
  expect(readme).toContain(`Content-Digest: sha-256=:${sha256}:, md5=:${digest.toString("base64")}:`);
});
