import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { describe, expect, onTestFinished, test } from "vitest";

/** A table's rows, and the page that all reports make. */
interface Found {
  readonly rows: readonly string[][];
  readonly page: string;
}

/** Runs a benchmark on so little that no figure of it means anything. */
async function smoke(name: string, ...flags: readonly string[]): Promise<Found> {
  const results = await mkdtemp(join(tmpdir(), "trailsum-bench-results-"));
  onTestFinished(() => rm(results, { recursive: true, force: true }));
  const env = { ...process.env, BENCH_MIB: "8", BENCH_ROUNDS: "1", BENCH_RESULTS: results };
  const program = join(import.meta.dirname, "../src/bench.ts");
  const { stderr } = await promisify(execFile)(process.execPath, [program, name, "--smoke", ...flags], { env });
  // Who is not on this machine.
  if (stderr !== "") console.warn(stderr.trim());
  const { rows } = JSON.parse(await readFile(join(results, `${name}.json`), "utf8")) as { rows: string[][] };
  return { rows, page: await readFile(join(results, "report.md"), "utf8") };
}

describe("the command does its work, on very little", () => {
  test.each([
    "transfer-upload",
    "transfer-serve",
    "transfer-download",
    "transfer-small-files",
    "transfer-memory",
    "start-up",
  ])(
    "%s",
    async (name) => {
      const { rows, page } = await smoke(name);
      expect(page).toContain("| `trailsum ");
      expect(rows.flat().join()).not.toContain("NaN");
    },
    60_000,
  );
});

test("every algorithm is measured, and openssl beside those that it knows", async () => {
  const { rows } = await smoke("digest");
  expect(rows.map(([name]) => name)).toEqual([
    "md5",
    "sha",
    "sha-256",
    "sha-512",
    "crc32c",
    "crc32",
    "crc64nvme",
    "md5, as a sender",
    "md5 and sha-256, as a sender",
  ]);
  const known = rows.map((row) => row.at(-1) !== "-");
  expect(known).toEqual([true, true, true, true, false, false, false, false, false]);
  expect(rows.flat().join()).not.toMatch(/NaN|Infinity/);
}, 60_000);

describe("proxies do their work, on very little", () => {
  test("all of those that are there, for one", async () => {
    const { rows, page } = await smoke("proxy-response");
    expect(rows[0]).toContain("kept");
    expect(rows.map(([name]) => name).join()).toMatch(/^trailsum .*http-proxy .*httpxy .*fast-proxy/);
    expect(page).toContain("![");
  }, 60_000);

  test.each(["proxy-request", "proxy-large-down", "proxy-large-up"])(
    "%s",
    async (name) => {
      const { rows } = await smoke(name, "--only", "ours,haproxy", "--keep");
      for (const row of rows) expect(row.at(-1)).toBe("kept");
    },
    60_000,
  );

  test.each(["proxy-verify", "proxy-concurrency", "proxy-latency", "proxy-idle", "proxy-grpc"])(
    "%s",
    async (name) => {
      const { rows } = await smoke(name, "--only", "ours,go", "--keep");
      expect(rows.flat().join()).not.toMatch(/failed|NaN/);
    },
    60_000,
  );
});
