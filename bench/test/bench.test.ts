import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { expect, onTestFinished, test } from "vitest";

test.each(["transfer-speed", "transfer-memory"])(
  "%s does its work, on very little",
  async (name) => {
    const results = await mkdtemp(join(tmpdir(), "trailsum-bench-results-"));
    onTestFinished(() => rm(results, { recursive: true, force: true }));
    const env = { ...process.env, BENCH_MIB: "8", BENCH_ROUNDS: "1", BENCH_RESULTS: results };
    await promisify(execFile)(process.execPath, [join(import.meta.dirname, "../src/bench.ts"), name], { env });
    expect(await readFile(join(results, `${name}.md`), "utf8")).toContain("| `trailsum upload`");
    expect(JSON.parse(await readFile(join(results, `${name}.json`), "utf8"))).toHaveProperty("figures");
  },
  60_000,
);
