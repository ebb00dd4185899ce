import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { contentFile } from "./content.ts";
import { median, type Report } from "./report.ts";
import { run, script, startServer, trailsum, type Usage } from "./subject.ts";

const MIB = Number(process.env["BENCH_MIB"] ?? 2048);
const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 5);

/** How long one large file takes, from the start of the command to its end. */
export async function transferSpeed(): Promise<Report> {
  const directory = await mkdtemp(join(tmpdir(), "trailsum-bench-"));
  const file = await contentFile(join(directory, "content"), MIB);
  const stored = join(directory, "stored");
  await mkdir(stored);
  const md5 = (await run(["openssl", "md5", "-r", file])).stdout.slice(0, 32);
  const sink = await startServer(script("sink.ts"));
  const server = await startServer(trailsum("serve", stored, "--port", "0", "--quiet"));
  try {
    const subjects: Readonly<Record<string, () => Promise<Usage>>> = {
      "`openssl md5`": () => run(["openssl", "md5", "-r", file]),
      "`trailsum upload`, to a sink that does not hash": () => run(trailsum("upload", file, `${sink.url}/content`)),
      "`trailsum serve`, sent to by what does not hash": () =>
        run(script("raw-sender.ts", file, `${server.url}/content`, md5)),
      "`trailsum upload`, to `trailsum serve`": () => run(trailsum("upload", file, `${server.url}/content`)),
      "`dd conv=fsync`, a copy on the same disk": () => copied(file, join(directory, "copy")),
    };
    const written = [join(stored, "content"), join(directory, "copy")];
    const figures = await inTurns(subjects, async () => {
      await Promise.all(written.map((path) => rm(path, { force: true })));
    });
    checkWork(figures);
    const [reference] = Object.keys(subjects);
    const base = median(figures[reference!]!.map(({ wall }) => wall));
    return {
      name: "transfer-speed",
      about: `${MIB} MiB of noise from a file in the page cache, over loopback; medians of ${ROUNDS} rounds in turns.`,
      columns: ["", "seconds", "MiB/s", "times `openssl md5`", "processor seconds"],
      rows: Object.entries(figures).map(([name, usages]) => {
        const wall = median(usages.map((usage) => usage.wall));
        const cpu = median(usages.map((usage) => usage.cpu));
        return [name, wall.toFixed(2), (MIB / wall).toFixed(0), (wall / base).toFixed(2), cpu.toFixed(2)];
      }),
      figures,
    };
  } finally {
    await sink.stop();
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function inTurns(
  subjects: Readonly<Record<string, () => Promise<Usage>>>,
  fresh: () => Promise<void>,
): Promise<Record<string, Usage[]>> {
  const figures: Record<string, Usage[]> = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
  // The first round fills caches and is not counted.
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const [name, subject] of Object.entries(subjects)) {
      // Each begins without what the one before it wrote: a virtual machine may take long to find memory for a second copy.
      await fresh();
      const usage = await subject();
      if (round > 0) figures[name]!.push(usage);
    }
  }
  return figures;
}

/** Each of them has to have come to the same digest; what is accepted by the server has been checked by it. */
function checkWork(figures: Readonly<Record<string, readonly Usage[]>>): void {
  const digests = Object.values(figures).flatMap((usages) =>
    usages.flatMap(({ stdout }) => stdout.match(/^[0-9a-f]{32}/) ?? []),
  );
  if (new Set(digests).size !== 1 || digests.length !== 4 * ROUNDS) {
    throw new Error(`not the same digest: ${digests.join(" ")}`);
  }
}

function copied(from: string, to: string): Promise<Usage> {
  return run(["dd", `if=${from}`, `of=${to}`, "bs=1M", "conv=fsync", "status=none"]);
}
