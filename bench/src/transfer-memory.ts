import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { contentStream } from "./content.ts";
import type { Report } from "./report.ts";
import { run, startServer, trailsum } from "./subject.ts";

const SMALL = 64;
const LARGE = Number(process.env["BENCH_MIB"] ?? 4096);
const MIB = 1024 * 1024;

/** The most memory that a transfer takes, for a small one and a large one. */
export async function transferMemory(): Promise<Report> {
  const small = await peaks(SMALL);
  const large = await peaks(LARGE);
  const parts = ["upload", "serve", "download"] as const;
  return {
    name: "transfer-memory",
    about:
      "Content of unknown length from a pipe, uploaded, stored, and downloaded to standard output. Peak memory of each process.",
    columns: ["", `${SMALL} MiB`, `${LARGE} MiB`, "more"],
    rows: parts.map((part) => [
      `\`trailsum ${part}\``,
      `${(small[part] / MIB).toFixed(0)} MiB`,
      `${(large[part] / MIB).toFixed(0)} MiB`,
      `${((large[part] - small[part]) / MIB).toFixed(0)} MiB`,
    ]),
    figures: { small, large },
  };
}

interface Peaks {
  readonly upload: number;
  readonly serve: number;
  readonly download: number;
}

async function peaks(count: number): Promise<Peaks> {
  const directory = await mkdtemp(join(tmpdir(), "trailsum-bench-"));
  try {
    const server = await startServer(trailsum("serve", directory, "--port", "0", "--quiet"));
    const upload = await run(trailsum("upload", "-", `${server.url}/content`, "--json"), contentStream(count));
    const { size } = JSON.parse(upload.stdout) as { size: number };
    if (size !== count * MIB) throw new Error(`${size} bytes were uploaded`);
    // Standard output goes to a process that counts: here it would be kept.
    const download = await run([
      "bash",
      "-c",
      'set -o pipefail; "$0" "$@" | wc -c',
      ...trailsum("download", `${server.url}/content`, "-o", "-", "--quiet"),
    ]);
    if (Number(download.stdout) !== count * MIB) throw new Error(`${download.stdout} bytes were downloaded`);
    const serve = await server.stop();
    return { upload: upload.peak!, serve: serve.peak!, download: download.peak! };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
