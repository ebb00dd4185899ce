import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { describe, expect, onTestFinished, test } from "vitest";

/** All benchmarks, rather than one of each kind: they start a hundred processes. */
const ALL = process.env["BENCH_ALL"] === "1";

/** A benchmark's table, and the page that all reports make. */
interface Found {
  readonly name: string;
  readonly rows: readonly string[][];
  readonly page: string;
}

/** Runs benchmarks, one after the other in one process, on so little that no figure of them means anything. */
async function smoke(names: readonly string[], ...flags: readonly string[]): Promise<Found[]> {
  const results = await mkdtemp(join(tmpdir(), "trailsum-bench-results-"));
  onTestFinished(() => rm(results, { recursive: true, force: true }));
  const env = {
    ...process.env,
    BENCH_MIB: "8",
    BENCH_ROUNDS: "1",
    BENCH_RESULTS: results,
    // The command lies in a new directory each time: what is compiled of it is of no use to others.
    NODE_COMPILE_CACHE: join(results, "compiled"),
  };
  const program = join(import.meta.dirname, "../src/bench.ts");
  const { stderr } = await promisify(execFile)(process.execPath, [program, ...names, "--smoke", ...flags], { env });
  // Who is not on this machine.
  if (stderr !== "") console.warn(stderr.trim());
  const page = await readFile(join(results, "report.md"), "utf8");
  const read = async (name: string): Promise<Found> => {
    const { rows } = JSON.parse(await readFile(join(results, `${name}.json`), "utf8")) as { rows: string[][] };
    return { name, rows, page };
  };
  return Promise.all(names.map(read));
}

test("the command does its work, on very little", async () => {
  const others = ["transfer-upload", "transfer-download", "transfer-small-files", "transfer-s3", "transfer-memory"];
  for (const { name, rows, page } of await smoke(["transfer-serve", "start-up", ...(ALL ? others : [])])) {
    expect(page).toContain("| `trailsum ");
    expect([name, rows.flat().join()]).not.toEqual([name, expect.stringContaining("NaN")]);
  }
});

test("every algorithm is measured, and openssl beside those that it knows", async () => {
  const [found] = await smoke(["digest"]);
  const { rows } = found!;
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
});

test("two of our own are compared", async () => {
  for (const { name, rows } of await smoke(["serve-small", "serve-s3", ...(ALL ? ["proxy-versions-up"] : [])])) {
    expect(rows).toHaveLength(2);
    expect([name, rows.flat().join()]).not.toEqual([name, expect.stringMatching(/NaN|Infinity|lost/)]);
  }
});

describe("proxies do their work, on very little", () => {
  test("all of those that are there, for one", async () => {
    const [found] = await smoke(["proxy-response"]);
    const { rows, page } = found!;
    expect(rows[0]).toContain("kept");
    expect(rows.map(([name]) => name).join()).toMatch(/^trailsum .*http-proxy .*httpxy .*fast-proxy/);
    expect(page).toContain("![");
  });

  test("with trailers kept, of small and of large content", async () => {
    const names = [
      "proxy-large-up",
      ...(ALL ? ["proxy-large-up-16", "proxy-large-up-256", "proxy-request", "proxy-large-down"] : []),
    ];
    for (const { name, rows } of await smoke(names, "--only", "ours,haproxy", "--keep")) {
      for (const row of rows) expect([name, row.at(-1)]).toEqual([name, "kept"]);
    }
  });

  test("with gRPC, verified, many at a time, at a steady pace, and idle", async () => {
    const others = [
      "proxy-http2-response",
      "proxy-verify",
      "proxy-concurrency",
      "proxy-latency",
      "proxy-idle",
      "proxy-idle-http2",
    ];
    for (const { name, rows } of await smoke(["proxy-grpc", ...(ALL ? others : [])], "--only", "ours,go", "--keep")) {
      expect([name, rows.flat().join()]).not.toEqual([name, expect.stringMatching(/failed|NaN/)]);
    }
  });
});
