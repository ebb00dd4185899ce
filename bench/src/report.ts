import { mkdir, writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";

/** What a benchmark found, ready to be written down. */
export interface Report {
  readonly name: string;
  /** What was measured, in a sentence. */
  readonly about: string;
  /** The table's columns, the first one for the subject. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** The figures behind the table. */
  readonly figures: unknown;
}

/** The middle one of some figures. */
export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Writes a report to `results/` and prints it. */
export async function write(report: Report): Promise<void> {
  const machine = { cpus: cpus().length, model: cpus()[0]?.model ?? "", memory: totalmem(), node: process.version };
  const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const table = [
    `# ${report.name}`,
    "",
    report.about,
    "",
    `${machine.cpus} x ${machine.model}, ${Math.round(machine.memory / 2 ** 30)} GiB, Node ${machine.node}; \`pnpm bench ${report.name}\`.`,
    "",
    row(report.columns),
    row(report.columns.map(() => "---")),
    ...report.rows.map(row),
    "",
  ].join("\n");
  const results = process.env["BENCH_RESULTS"] ?? join(import.meta.dirname, "../results");
  await mkdir(results, { recursive: true });
  await writeFile(
    join(results, `${report.name}.json`),
    `${JSON.stringify({ machine, figures: report.figures }, null, 2)}\n`,
  );
  await writeFile(join(results, `${report.name}.md`), table);
  process.stdout.write(`${table}\n`);
}
