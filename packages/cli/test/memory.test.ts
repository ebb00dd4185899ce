import type { ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Readable } from "node:stream";

import { spawnTrailsum } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { patterned } from "./support/content.ts";
import { serve } from "./support/serving.ts";

const MiB = 1024 * 1024;
const small = 64;
const large = 256;
const allowed = 40;
// What is held is to be measured, and not how long the collector takes its time with what is garbage already.
const nodeArgs = ["--max-semi-space-size=1"];

const measurable = process.platform === "linux";
const reason = measurable ? "" : " (skipped: /proc exists only on Linux)";

test.skipIf(!measurable)(`memory does not grow with the body, on either side${reason}`, async ({ annotate }) => {
  const before = await roundTrip(small);
  const after = await roundTrip(large);
  const grown = Object.fromEntries(
    Object.entries(after).map(([name, peak]) => [name, Math.round((peak - before[name]!) / MiB)]),
  );
  const peaks = Object.entries(after).map(
    ([name, peak]) => `${name} ${Math.round(peak / MiB)} MiB (${grown[name]! >= 0 ? "+" : ""}${grown[name]})`,
  );
  await annotate(`peak RSS with ${large} MiB, against ${small} MiB: ${peaks.join(", ")}`);
  for (const growth of Object.values(grown)) expect(growth).toBeLessThan(allowed);
});

/** Uploads so many mebibytes from a pipe and downloads them again into one. Gives the peak of each process in bytes. */
async function roundTrip(mebibytes: number): Promise<Record<string, number>> {
  const block = patterned(MiB);
  const hash = createHash("md5");
  const { url, child } = await serve([], { nodeArgs });
  const uploading = spawnTrailsum(["upload", "-", `${url}/it`], {
    input: Readable.from(pipe(block, mebibytes, hash)),
    nodeArgs,
  });
  const [uploadPeak, uploaded] = await Promise.all([peakOf(uploading.child), uploading.exited]);
  const digest = hash.digest("hex");
  expect([uploaded.exitCode, uploaded.stdout]).toEqual([0, `${digest}  -\n`]);
  // To nowhere: what is measured is what passes through.
  const downloading = spawnTrailsum(["download", `${url}/it`, "-o", "/dev/null"], { nodeArgs });
  const [downloadPeak, downloaded] = await Promise.all([peakOf(downloading.child), downloading.exited]);
  expect(downloaded.exitCode).toBe(0);
  return { upload: uploadPeak, download: downloadPeak, serve: residentPeak(child) ?? 0 };
}

function* pipe(block: Buffer, count: number, hash: ReturnType<typeof createHash>): Generator<Buffer> {
  for (let done = 0; done < count; done += 1) {
    hash.update(block);
    yield block;
  }
}

/** The last peak that was seen of a process before it ended. */
async function peakOf(child: ChildProcess): Promise<number> {
  let peak = 0;
  const timer = setInterval(() => (peak = residentPeak(child) ?? peak), 20);
  await new Promise((resolve) => child.once("close", resolve));
  clearInterval(timer);
  return peak;
}

/** The most memory that a process has had resident, in bytes; undefined when it is gone. */
function residentPeak({ pid }: ChildProcess): number | undefined {
  try {
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kib === undefined ? undefined : Number(kib) * 1024;
  } catch {
    return undefined;
  }
}
