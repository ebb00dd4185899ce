import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import type { Report } from "../report.ts";
import { settings } from "../settings.ts";
import { contentStream } from "./content.ts";
import { run, startServer, reportingPeak, trailsum } from "./subject.ts";

const SMALL = 10;
// 10,240 shows what is promised; it takes as much room on the disk.
const LARGE = settings.mib ?? 4096;
const MIB = 1024 * 1024;

const PARTS = ["upload", "proxy", "serve", "download"] as const;

/** The most memory that a transfer takes, for a small one and a large one. */
export async function transferMemory(directory: string): Promise<Report> {
  const small = await peaks(SMALL, directory);
  const large = await peaks(LARGE, directory);
  return {
    name: "transfer-memory",
    about:
      "Content of unknown length from a pipe, uploaded through a proxy, stored, and downloaded through it to standard output. The most memory that each process held.",
    columns: ["", `${SMALL} MiB`, `${LARGE} MiB`, "more"],
    rows: PARTS.map((part) => [
      `\`trailsum ${part}\``,
      `${(small[part] / MIB).toFixed(0)} MiB`,
      `${(large[part] / MIB).toFixed(0)} MiB`,
      `${((large[part] - small[part]) / MIB).toFixed(0)} MiB`,
    ]),
    figures: { small, large },
  };
}

type Peaks = Readonly<Record<(typeof PARTS)[number], number>>;

async function command(...args: string[]): Promise<string[]> {
  return reportingPeak(await trailsum(...args));
}

async function peaks(count: number, directory: string): Promise<Peaks> {
  const stored = join(directory, String(count));
  await mkdir(stored);
  const server = await startServer(await command("serve", stored, "--port", "0", "--quiet"));
  const proxy = await startServer(await command("proxy", server.url, "--port", "0", "--quiet"));
  const upload = await run(await command("upload", "-", `${proxy.url}/content`, "--json"), contentStream(count));
  const { size } = JSON.parse(upload.stdout) as { size: number };
  if (size !== count * MIB) throw new Error(`${size} bytes were uploaded`);
  // Standard output goes to a process that counts: here it would be kept.
  const download = await run([
    "bash",
    "-c",
    'set -o pipefail; "$0" "$@" | wc -c',
    ...(await command("download", `${proxy.url}/content`, "-o", "-", "--quiet")),
  ]);
  if (Number(download.stdout) !== count * MIB) throw new Error(`${download.stdout} bytes were downloaded`);
  const passed = await proxy.stop();
  const served = await server.stop();
  return { upload: upload.peak!, proxy: passed.peak!, serve: served.peak!, download: download.peak! };
}
