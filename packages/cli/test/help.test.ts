import { closeSync, openSync } from "node:fs";

import { trailsum } from "@trailsum/testkit";
import { describe, expect, onTestFinished, test } from "vitest";

import { onTerminal, reasonWithoutTerminal } from "./support/terminal.ts";

const widest = (text: string): number => Math.max(...text.split(/\r?\n/).map((line) => line.length));

describe("help", () => {
  test("lists the commands, and says how to see the flags of each", async () => {
    const { exitCode, stdout, stderr } = await trailsum(["--help"]);
    expect([exitCode, stderr]).toEqual([0, ""]);
    for (const command of ["upload", "download", "serve", "proxy", "verify", "probe", "completion", "demo"]) {
      expect(stdout).toMatch(new RegExp(`^  trailsum ${command} `, "m"));
    }
    expect(stdout).toContain("Run 'trailsum <command> --help' for the flags of a command.");
    expect(widest(stdout)).toBeLessThanOrEqual(80);
  });

  test("of a command lists its flags, and says where they can come from", async () => {
    const { exitCode, stdout } = await trailsum(["upload", "-h"]);
    expect(exitCode).toBe(0);
    for (const flag of ["--digest", "--links", "--retry", "--config"]) expect(stdout).toContain(flag);
    expect(stdout).toContain("TRAILSUM_JSON=1 is --json");
  });

  test.skipIf(reasonWithoutTerminal !== "")(`is as wide as the terminal${reasonWithoutTerminal}`, async () => {
    for (const columns of [60, 100]) {
      const { output } = onTerminal(["serve", "--help"], { columns });
      const width = widest(await output);
      expect(width).toBeLessThanOrEqual(columns);
      expect(width).toBeGreaterThan(columns - 20);
    }
  });

  test("and the version, where they cannot be written, end with 5", async () => {
    const stdout = openSync("/dev/full", "w");
    onTestFinished(() => closeSync(stdout));
    for (const flag of ["--help", "--version"]) {
      expect((await trailsum([flag], { stdio: { stdout } })).exitCode).toBe(5);
    }
  });
});
