// Measures this project beside what would be used instead of it.
//
//   pnpm bench                                        everything
//   pnpm bench proxy transfer-serve                   what begins like that
//   pnpm bench proxy-response --only ours,go,haproxy  these subjects alone, without keeping results
//   pnpm bench proxy-response --profile               our own, with a profile in bench/profiles
//   pnpm bench --smoke                                whether it all works
//
// --rounds and --seconds say how often each subject takes its turn, and for how long; --keep keeps results even of some.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { digest } from "./digest.ts";
import { profilesDirectory } from "./profiles.ts";
import { proxyConcurrency } from "./proxy/proxy-concurrency.ts";
import { proxyGrpc } from "./proxy/proxy-grpc.ts";
import { proxyHttp2Response } from "./proxy/proxy-http2-response.ts";
import { proxyIdle, proxyIdleHttp2 } from "./proxy/proxy-idle.ts";
import { proxyLargeDown, proxyLargeUp } from "./proxy/proxy-large.ts";
import { proxyLatency } from "./proxy/proxy-latency.ts";
import { proxyRequest, proxyResponse } from "./proxy/proxy-small.ts";
import { proxyVerify } from "./proxy/proxy-verify.ts";
import { proxyVersionsUp } from "./proxy/proxy-versions-up.ts";
import { print, type Report, write, writePage } from "./report.ts";
import { serveS3 } from "./serve/serve-s3.ts";
import { serveSmall } from "./serve/serve-small.ts";
import { settings } from "./settings.ts";
import { startUp } from "./start-up.ts";
import { transferDownload } from "./transfer/transfer-download.ts";
import { transferMemory } from "./transfer/transfer-memory.ts";
import { transferS3 } from "./transfer/transfer-s3.ts";
import { transferServe } from "./transfer/transfer-serve.ts";
import { transferSmallFiles } from "./transfer/transfer-small-files.ts";
import { transferTwoStep } from "./transfer/transfer-two-step.ts";
import { transferUpload } from "./transfer/transfer-upload.ts";

/** Measures something; the directory is its own while it does. */
type Benchmark = (directory: string) => Promise<Report>;

const benchmarks: ReadonlyMap<string, Benchmark> = new Map<string, Benchmark>([
  ["proxy-response", proxyResponse],
  ["proxy-request", proxyRequest],
  ["proxy-large-down", proxyLargeDown],
  ["proxy-large-up", () => proxyLargeUp()],
  ["proxy-large-up-16", () => proxyLargeUp(16)],
  ["proxy-large-up-256", () => proxyLargeUp(256)],
  ["proxy-versions-up", proxyVersionsUp],
  ["proxy-verify", proxyVerify],
  ["proxy-concurrency", proxyConcurrency],
  ["proxy-latency", proxyLatency],
  ["proxy-idle", proxyIdle],
  ["proxy-idle-http2", proxyIdleHttp2],
  ["proxy-grpc", proxyGrpc],
  ["proxy-http2-response", proxyHttp2Response],
  ["serve-small", serveSmall],
  ["serve-s3", serveS3],
  ["transfer-upload", transferUpload],
  ["transfer-serve", transferServe],
  ["transfer-download", transferDownload],
  ["transfer-small-files", transferSmallFiles],
  ["transfer-two-step", transferTwoStep],
  ["transfer-s3", transferS3],
  ["transfer-memory", transferMemory],
  ["digest", digest],
  ["start-up", startUp],
]);

const all = [...benchmarks.keys()];
const chosen =
  settings.names.length === 0 ? all : all.filter((name) => settings.names.some((start) => name.startsWith(start)));
if (chosen.length === 0) throw new Error(`no such benchmark: there are ${all.join(", ")}`);

for (const name of chosen) {
  const report = await inDirectory(benchmarks.get(name)!);
  print(report);
  if (!settings.look) await write(report);
}
if (settings.profile) console.log(`profiles: ${profilesDirectory}`);
if (!settings.look) await writePage(all);

/** Runs a benchmark in a new directory, which is removed when it is over. */
async function inDirectory(benchmark: Benchmark): Promise<Report> {
  const directory = await mkdtemp(join(tmpdir(), "trailsum-bench-"));
  try {
    return await benchmark(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
