import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";

import { tempDir, trailsum } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

/** What every scene is to end with. */
const SCENES = [
  ["verified-upload", 0],
  ["flipped-bit", 6],
  ["lost-trailers", 7],
  ["two-steps", 0],
  ["completed-cut", 6],
  ["enforced-cut", 0],
] as const;

interface SceneResult {
  readonly scene: string;
  readonly ok: boolean;
  readonly exit: number;
  readonly seen: readonly string[];
  readonly hops?: readonly { hop: string; head: readonly string[]; trailers: readonly string[]; bytes: number }[];
}

const results = (stdout: string): SceneResult[] =>
  stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as SceneResult);

describe("the demo", () => {
  test("shows its scenes in 80 columns, in plain text where colors are not wanted", async () => {
    const { exitCode, stdout, stderr } = await trailsum(["demo"], { env: { NO_COLOR: "1", FORCE_COLOR: undefined } });
    expect([exitCode, stderr]).toEqual([0, ""]);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(stdout).toBe(stripVTControlCharacters(stdout));
    expect(stdout.match(/^ {3}Exit status \d: as expected\.$/gm)).toHaveLength(SCENES.length);
    expect(stdout).toMatch(/^ {6}Content-Digest: sha-256=:\S+:,\n {10}md5=:\S+:$/m);
    expect(stdout).toMatch(/^ {3}fetch got 3\.0 MB of 8\.4 MB, and noticed nothing\.$/m);
    expect(stdout).toMatch(/\nAll scenes ended as expected\.\n$/);
  });

  test("prints an object for each scene with --json", async () => {
    const { exitCode, stdout } = await trailsum(["demo", "--json"]);
    expect(exitCode).toBe(0);
    const scenes = results(stdout);
    expect(scenes.map(({ scene, exit }) => [scene, exit])).toEqual(SCENES);
    expect(scenes.every(({ ok, seen }) => ok && seen.length > 0)).toBe(true);
    const [first] = scenes;
    expect(first?.hops?.map(({ hop }) => hop)).toEqual(["client to proxy", "proxy to server"]);
    for (const { head, trailers } of first?.hops ?? []) {
      expect(head[0]).toBe("PUT /content HTTP/1.1");
      expect(trailers.map((line) => line.split(":")[0])).toEqual(["Md5", "Size", "Content-Digest"]);
    }
  });

  test("ends with 1 if a scene ended otherwise, and shows that in color", async () => {
    const directory = await tempDir();
    await writeFile(join(directory, "failing.mjs"), `globalThis.fetch = () => Promise.reject(new Error("fails"));`);
    const { exitCode, stdout } = await trailsum(["demo"], {
      nodeArgs: ["--import", join(directory, "failing.mjs")],
      env: { FORCE_COLOR: "1", NO_COLOR: undefined },
    });
    expect(exitCode).toBe(1);
    expect(stdout.split("\u001b[32mas expected\u001b[39m")).toHaveLength(SCENES.length);
    expect(stdout).toContain("\u001b[31mNOT as expected\u001b[39m");
    const plain = stripVTControlCharacters(stdout);
    expect(Math.max(...plain.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(plain).toMatch(/\n1 ended otherwise\.\n$/);
  });

  test("prints only what ended otherwise with --quiet", async () => {
    const directory = await tempDir();
    await writeFile(join(directory, "failing.mjs"), `globalThis.fetch = () => Promise.reject(new Error("fails"));`);
    const failing = { nodeArgs: ["--import", join(directory, "failing.mjs")] };
    const { exitCode, stdout } = await trailsum(["demo", "--json", "-q"], failing);
    expect(exitCode).toBe(1);
    expect(results(stdout).map(({ ok }) => ok)).toEqual([false]);
  });
});
