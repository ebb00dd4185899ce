import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { packedCommand } from "./packed-command.ts";
import { median, type Report } from "./report.ts";
import { settings } from "./settings.ts";
import { program, startServer } from "./transfer/subject.ts";

const ROUNDS = settings.rounds ?? 30;

/** How long the command takes from its start to its end where it has next to nothing to do. */
export async function startUp(directory: string): Promise<Report> {
  const sink = await startServer(program("sink"));
  try {
    const command = await packedCommand();
    const file = join(directory, "file");
    await writeFile(file, "small");
    const subjects: Readonly<Record<string, readonly string[]>> = {
      "`node -e 0`": ["-e", "0"],
      "`trailsum --version`": [command, "--version"],
      "`trailsum --help`": [command, "--help"],
      "`trailsum upload` of five bytes": [command, "upload", file, `${sink.url}/file`],
    };
    const figures = new Map(Object.keys(subjects).map((name) => [name, [] as number[]]));
    // The first round fills caches and is not counted: Node's own, of compiled code, as well.
    for (let round = 0; round <= ROUNDS; round += 1) {
      for (const [name, args] of Object.entries(subjects)) {
        const took = await milliseconds(args, directory);
        if (round > 0) figures.get(name)!.push(took);
      }
    }
    const [[, bare] = []] = figures;
    const rows = [...figures].map(([name, took]) => {
      const middle = median(took);
      return [name, middle.toFixed(1), (middle / median(bare!)).toFixed(2)];
    });
    return {
      name: "start-up",
      about: `From start to end, the command as it is once built, packed and installed; medians of ${ROUNDS} turns.`,
      columns: ["", "milliseconds", "times `node -e 0`"],
      rows,
      figures: Object.fromEntries(figures),
    };
  } finally {
    await sink.stop();
  }
}

async function milliseconds(args: readonly string[], cwd: string): Promise<number> {
  const began = performance.now();
  const child = spawn(process.execPath, args, { cwd, stdio: "ignore" });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`${args.join(" ")} failed`);
  return performance.now() - began;
}
