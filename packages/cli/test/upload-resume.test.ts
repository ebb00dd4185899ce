import { randomBytes } from "node:crypto";
import { readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { spawnTrailsum, tempDir, trailsum } from "@trailsum/testkit";
import { beforeEach, describe, expect, test } from "vitest";

import { type Hop, startHop } from "./support/hop.ts";
import { serve, type Serving } from "./support/serving.ts";

const content = randomBytes(9_000_000);
const half = 4_500_000;
let serving: Serving;
let hop: Hop;
let cwd: string;
let state: string;

beforeEach(async () => {
  serving = await serve();
  hop = await startHop(serving.url);
  cwd = await tempDir();
  state = await tempDir();
  await writeFile(join(cwd, "it"), content);
});

const upload = (...args: string[]): Parameters<typeof trailsum> => [
  ["upload", "it", `${hop.origin}/it`, "-v", "--json", ...args],
  { cwd, env: { XDG_STATE_HOME: state } },
];
const kept = (): Promise<string[]> => readdir(join(state, "trailsum/uploads")).catch(() => []);
const stored = async (): Promise<boolean> => (await readFile(join(serving.directory, "it"))).equals(content);

/** How many bytes of content passed in the last request. */
const passed = (): number => hop.request().length;

describe("an upload that was cut off", () => {
  test("continues with the next run, and only the rest is sent", async () => {
    hop.plan = { cutRequest: half };
    const cut = await trailsum(...upload("--continue"));
    expect(cut.exitCode).toBe(3);
    expect(await kept()).toHaveLength(1);
    expect(await serving.visible()).toEqual([]);
    hop.plan = {};
    const { exitCode, stdout, stderr } = await trailsum(...upload("--continue"));
    expect([exitCode, stderr]).toEqual([0, expect.stringContaining("an upload that was cut off was continued")]);
    expect(JSON.parse(stdout)).toMatchObject({ size: content.length, confirmedBy: "server", status: 201 });
    expect(passed()).toBeLessThan(content.length - half / 2);
    expect(await stored()).toBe(true);
    expect([await kept(), await serving.visible()]).toEqual([[], ["it"]]);
  });

  test("continues with another attempt of the same run", async () => {
    hop.plan = { cutRequest: half };
    const running = spawnTrailsum(upload("--retry", "5")[0], { cwd });
    await expect.poll(() => passed()).toBeGreaterThan(half - 1);
    hop.plan = {};
    const { exitCode, stdout } = await running.exited;
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ delivery: { reason: expect.stringContaining("was continued") } });
    expect(await stored()).toBe(true);
  });

  test("begins anew when the file has changed", async () => {
    hop.plan = { cutRequest: half };
    await trailsum(...upload("--continue"));
    hop.plan = {};
    await utimes(join(cwd, "it"), 1, 1);
    const { exitCode, stdout } = await trailsum(...upload("--continue"));
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      delivery: { mode: "two-step", reason: expect.stringContaining("so that it can be continued") },
    });
    expect(await stored()).toBe(true);
  });

  test("begins anew when the server has forgotten it", async () => {
    hop.plan = { cutRequest: half };
    await trailsum(...upload("--continue"));
    const [name = ""] = await kept();
    const path = join(state, "trailsum/uploads", name);
    await writeFile(path, (await readFile(path, "utf8")).replace(/uploads\/[0-9a-f]+/, `uploads/${"0".repeat(32)}`));
    hop.plan = {};
    const { exitCode } = await trailsum(...upload("--continue"));
    expect(exitCode).toBe(0);
    expect(await stored()).toBe(true);
    expect(await kept()).toEqual([]);
  });
});

test("--skip-unchanged sends nothing that the server has", async () => {
  expect((await trailsum(...upload())).exitCode).toBe(0);
  const { stdout } = await trailsum(...upload("--skip-unchanged"));
  expect(JSON.parse(stdout)).toMatchObject({ unchanged: true, confirmedBy: "server", delivery: { mode: "none" } });
  expect(passed()).toBeLessThan(2_000);
  await writeFile(join(cwd, "it"), "other");
  const changed = await trailsum(...upload("--skip-unchanged"));
  expect(JSON.parse(changed.stdout)).not.toHaveProperty("unchanged");
  expect(await readFile(join(serving.directory, "it"), "utf8")).toBe("other");
});

test("--sums keeps files from being stored that are not what they should be", async () => {
  const sums = await trailsum(...upload("--write-sums", "SHA256SUMS"));
  expect([sums.exitCode, (await readFile(join(cwd, "SHA256SUMS"), "utf8")).slice(64)]).toEqual([0, "  it\n"]);
  expect((await trailsum(...upload("--sums", "SHA256SUMS"))).exitCode).toBe(0);
  content[0]! += 1;
  await writeFile(join(cwd, "it"), content);
  content[0]! -= 1;
  const wrong = await trailsum(...upload("--sums", "SHA256SUMS"));
  expect([wrong.exitCode, wrong.stderr]).toEqual([6, expect.stringContaining("checksum that was asked for")]);
  expect(await stored()).toBe(true);
});

test("--limit-rate holds, for small files too", async () => {
  await writeFile(join(cwd, "it"), content.subarray(0, 40_960));
  const began = performance.now();
  expect((await trailsum(...upload("--limit-rate", "40k"))).exitCode).toBe(0);
  expect(performance.now() - began).toBeGreaterThan(890);
});
