import { join } from "node:path";

import type { Report } from "../report.ts";
import { settings } from "../settings.ts";
import { contentDirectory } from "./content.ts";
import { goPrograms } from "./go-programs.ts";
import { program, run, startServer, trailsum, type Usage } from "./subject.ts";
import { cell, inTurns, medianOf, type TransferSubject, wallTimes } from "./turns.ts";

const FILES = Number(process.env["BENCH_FILES"] ?? (settings.smoke ? 20 : 10_000));
const BYTES = 10 * 1024;
const JOBS = 8;
const ROUNDS = 5;

/** Where the files are sent to. */
const TARGETS = ["a sink that keeps nothing", "`trailsum serve`"] as const;
const ours = (target: string): string => `\`trailsum upload --jobs ${JOBS}\`, to ${target}`;
const theirs = (target: string): string => `the article's Go client in a loop, to ${target}`;

/** How long it takes to send many small files. */
export async function transferSmallFiles(directory: string): Promise<Report> {
  const files = await contentDirectory(join(directory, "files"), FILES, BYTES);
  const go = await goPrograms();
  // A fresh directory for each turn, so that none finds what another has stored. All stay until the end: ext4 avoids inodes
  // that were deleted in the last minutes, and the search for others takes half of a turn's system time.
  let turns = 0;
  const serverOf = {
    [TARGETS[0]]: () => program("sink"),
    [TARGETS[1]]: () => trailsum("serve", join(directory, `stored-${(turns += 1)}`), "--port", "0", "--quiet"),
  };
  const subjects = TARGETS.flatMap((target): TransferSubject[] => {
    const sent = async (command: (url: string) => readonly string[] | Promise<string[]>): Promise<Usage> => {
      const server = await startServer(await serverOf[target]());
      try {
        const usage = await run(await command(`${server.url}/`));
        const lines = usage.stdout.split("\n").filter((line) => /^[0-9a-f]{32} {2}/.test(line));
        if (lines.length !== FILES) throw new Error(`${lines.length} of ${FILES} files were sent`);
        return usage;
      } finally {
        await server.stop();
      }
    };
    const own = (url: string): Promise<string[]> => trailsum("upload", `${files}/`, url, "--jobs", String(JOBS));
    return [
      { name: ours(target), run: () => sent(own) },
      ...(go === undefined ? [] : [{ name: theirs(target), run: () => sent((url) => [go.client, url, files]) }]),
    ];
  });
  const measured = await inTurns(subjects, { rounds: ROUNDS, prepare: async () => void (await run(["sync"])) });
  return {
    name: "transfer-small-files",
    about: `${FILES} files of ${BYTES / 1024} KiB, which are in memory, sent over loopback on connections that are kept; medians. The processor time is the client's.`,
    columns: ["", "seconds", "files/s", "times the Go client", "processor time per file, µs"],
    rows: measured.map(({ name }) => {
      const wall = medianOf(measured, name);
      const target = TARGETS.find((one) => name.endsWith(one))!;
      return [
        name,
        cell(wall, 2),
        cell(FILES / wall, 0),
        cell(wall / medianOf(measured, theirs(target)), 2),
        cell((medianOf(measured, name, ({ cpu }) => cpu) / FILES) * 1e6, 0),
      ];
    }),
    plots: [wallTimes(`Sending ${FILES} files of ${BYTES / 1024} KiB`, measured)],
    figures: measured.map(({ name, usages }) => ({
      name,
      usages: usages.map(({ wall, cpu, peak }) => ({ wall, cpu, peak })),
    })),
  };
}
