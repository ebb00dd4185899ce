import type { BarPlot } from "../plot.ts";
import { median } from "../report.ts";
import { isWanted, settings } from "../settings.ts";
import type { Usage } from "./subject.ts";

/** One of those that are measured beside one another. */
export interface TransferSubject {
  readonly name: string;
  /** Does its work once, and says what that took. */
  readonly run: () => Promise<Usage>;
}

/** A subject, and what its turns took. */
export interface MeasuredTransfer {
  readonly name: string;
  readonly usages: readonly Usage[];
}

/**
 * Lets each subject that is wanted do its work in turn, round after round, so that a machine that slows down slows all of
 * them. The first round fills caches and is not counted; a smoke test does without it. `prepare` comes before every turn.
 */
export async function inTurns(
  subjects: readonly TransferSubject[],
  { rounds, prepare }: { readonly rounds: number; readonly prepare: () => Promise<void> },
): Promise<MeasuredTransfer[]> {
  const figures = subjects.filter(({ name }) => isWanted(name)).map((subject) => ({ subject, usages: [] as Usage[] }));
  for (let round = settings.smoke ? 1 : 0; round <= (settings.rounds ?? rounds); round += 1) {
    for (const { subject, usages } of figures) {
      await prepare();
      const usage = await subject.run();
      if (round > 0) usages.push(usage);
    }
  }
  return figures.map(({ subject: { name }, usages }) => ({ name, usages }));
}

/** The middle one of what the turns of a subject took; nothing where it was not measured. */
export function medianOf(
  measured: readonly MeasuredTransfer[],
  name: string,
  reading: (usage: Usage) => number = ({ wall }) => wall,
): number {
  const usages = measured.find((one) => one.name === name)?.usages ?? [];
  return usages.length === 0 ? Number.NaN : median(usages.map(reading));
}

/** The rows of a table: seconds, MiB/s, what `ratios` makes of the seconds, processor seconds. */
export function transferRows(
  measured: readonly MeasuredTransfer[],
  mib: number,
  ratios: (wall: number) => readonly number[],
): string[][] {
  return measured.map(({ name }) => {
    const wall = medianOf(measured, name);
    const cpu = medianOf(measured, name, (usage) => usage.cpu);
    return [name, cell(wall, 2), cell(mib / wall, 0), ...ratios(wall).map((ratio) => cell(ratio, 2)), cell(cpu, 2)];
  });
}

/** A figure for a table; a dash without one. */
export function cell(figure: number, digits: number): string {
  return Number.isNaN(figure) ? "-" : figure.toFixed(digits);
}

/** How long each took, as bars. */
export function wallTimes(title: string, measured: readonly MeasuredTransfer[]): BarPlot {
  const bars = measured.map(({ name }) => ({ label: name, value: medianOf(measured, name) }));
  return { kind: "bars", title, unit: "s", bars };
}

/** Each of them that prints a digest has to have come to the same one; so many must have. */
export function checkDigests(measured: readonly MeasuredTransfer[], names: readonly string[]): void {
  const usages = measured.filter(({ name }) => names.includes(name)).flatMap((one) => one.usages);
  const digests = usages.map(({ stdout }) => /^[0-9a-f]{32,64}/.exec(stdout)?.[0]);
  if (new Set(digests).size > 1 || digests.includes(undefined)) {
    throw new Error(`not the same digest: ${digests.join(" ")}`);
  }
}
