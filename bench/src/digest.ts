import { randomBytes } from "node:crypto";
import { join } from "node:path";

import { type Algorithm, algorithms, createDigester, createStreamDigester } from "@trailsum/shared";

import { median, type Report } from "./report.ts";
import { settings } from "./settings.ts";
import { contentFile } from "./transfer/content.ts";
import { run } from "./transfer/subject.ts";

const MIB = 1024 * 1024;
/** As large as the pieces in which files are read. */
const PIECE = 256 * 1024;
const ROUNDS = settings.rounds ?? 5;

/** What `openssl dgst` calls those that it knows. */
const OPENSSL: Readonly<Partial<Record<Algorithm, string>>> = {
  md5: "-md5",
  sha: "-sha1",
  "sha-256": "-sha256",
  "sha-512": "-sha512",
};

interface Figures {
  readonly wall: number[];
  readonly cpu: number[];
  /** What `openssl` took for as much. */
  readonly openssl: number[];
}

/** How fast each algorithm is. */
export async function digest(directory: string): Promise<Report> {
  const mib = settings.mib ?? 256;
  const file = await contentFile(join(directory, "content"), mib);
  const figures = new Map(algorithms.map((name): [Algorithm, Figures] => [name, { wall: [], cpu: [], openssl: [] }]));
  // The first round is not counted: what is compiled when first used is compiled then.
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const [name, { wall, cpu, openssl }] of figures) {
      const took = await hash(name, mib);
      const flag = OPENSSL[name];
      const beside = flag === undefined ? undefined : await run(["openssl", "dgst", flag, file]);
      if (round === 0) continue;
      wall.push(took.wall);
      cpu.push(took.cpu);
      if (beside !== undefined) openssl.push(beside.wall);
    }
  }
  const md5 = median(figures.get("md5")!.wall);
  const alone: number[] = [];
  const together: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const [one, both] = [await hashBeside(["md5"], mib), await hashBeside(["sha-256", "md5"], mib)];
    if (round === 0) continue;
    alone.push(one);
    together.push(both);
  }
  const threads = { "md5, as a sender": alone, "md5 and sha-256, as a sender": together };
  return {
    name: "digest",
    about: `${mib} MiB in pieces of ${PIECE / 1024} KiB through each algorithm, on one thread, and as a sender of that length does it, on a thread for each algorithm; \`openssl dgst\` reads them from a file that is in memory.`,
    columns: ["", "MiB/s", "times md5's rate", "processor time per MiB, µs", "MiB/s of `openssl`"],
    rows: [
      ...[...figures].map(([name, { wall, cpu, openssl }]) => [
        name,
        (mib / median(wall)).toFixed(0),
        (md5 / median(wall)).toFixed(2),
        ((median(cpu) / mib) * 1e6).toFixed(0),
        openssl.length === 0 ? "-" : (mib / median(openssl)).toFixed(0),
      ]),
      ...Object.entries(threads).map(([name, wall]) => [
        name,
        (mib / median(wall)).toFixed(0),
        (median(alone) / median(wall)).toFixed(2),
        "-",
        "-",
      ]),
    ],
    plots: [
      {
        kind: "bars",
        title: "Digests",
        unit: "MiB/s",
        bars: [...figures].map(([label, { wall }]) => ({ label, value: mib / median(wall) })),
      },
    ],
    figures: { ...Object.fromEntries(figures), ...threads },
  };
}

/** Seconds that a sender takes to hash so many mebibytes, which it hands to the hashing threads. */
async function hashBeside(names: readonly Algorithm[], mib: number): Promise<number> {
  const piece = randomBytes(PIECE);
  const digester = await createStreamDigester(names, mib * MIB);
  const began = performance.now();
  for (let at = 0; at < mib * MIB; at += PIECE) await digester.update(piece);
  const { size } = await digester.digest();
  const wall = (performance.now() - began) / 1e3;
  if (size !== mib * MIB) throw new Error(`${size} bytes were hashed`);
  return wall;
}

/** Seconds by the clock and of processor time for so many mebibytes. */
async function hash(algorithm: Algorithm, mib: number): Promise<{ wall: number; cpu: number }> {
  const piece = randomBytes(PIECE);
  const digester = await createDigester([algorithm]);
  const before = process.cpuUsage();
  const began = performance.now();
  for (let at = 0; at < mib * MIB; at += PIECE) digester.update(piece);
  const { size } = digester.digest();
  const wall = (performance.now() - began) / 1e3;
  const { user, system } = process.cpuUsage(before);
  if (size !== mib * MIB) throw new Error(`${size} bytes were hashed`);
  return { wall, cpu: (user + system) / 1e6 };
}
