import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";

import { goalRows } from "./goals.ts";
import { draw, type Plot } from "./plot.ts";

/** What a benchmark found, ready to be written down. */
export interface Report {
  readonly name: string;
  /** What was measured, in a sentence. */
  readonly about: string;
  /** The table's columns, the first one for the subject. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly plots?: readonly Plot[];
  /** The figures of the table. */
  readonly figures: unknown;
}

interface Machine {
  readonly cpus: number;
  readonly model: string;
  readonly memory: number;
  readonly node: string;
}

/** What of a report is kept. */
type Result = Report & { readonly machine: Machine };

const thisMachine: Machine = {
  cpus: cpus().length,
  model: cpus()[0]?.model ?? "",
  memory: totalmem(),
  node: process.version,
};
const results = process.env["BENCH_RESULTS"] ?? join(import.meta.dirname, "../results");

/** What is to be said of the goals. */
const findings = join(import.meta.dirname, "../findings.md");

/** The middle one of some figures. */
export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Prints a report's table. */
export function print(report: Report): void {
  process.stdout.write(`${sectionOf({ ...report, machine: thisMachine, plots: [] })}\n\n`);
}

/** Keeps a report in `results/`. */
export async function write(report: Report): Promise<void> {
  const result: Result = { ...report, machine: thisMachine };
  await mkdir(results, { recursive: true });
  await writeFile(join(results, `${report.name}.json`), `${JSON.stringify(result, undefined, 1)}\n`);
}

/** Makes one page of everything that `results/` holds, in the order of the benchmarks, and draws its plots. */
export async function writePage(order: readonly string[]): Promise<void> {
  const files = (await readdir(results)).filter((name) => name.endsWith(".json"));
  const found = await Promise.all(
    files.map(async (file) => JSON.parse(await readFile(join(results, file), "utf8")) as Result),
  );
  const sections = found.toSorted((one, other) => order.indexOf(one.name) - order.indexOf(other.name));
  for (const { name, plots = [] } of sections) {
    for (const [number, plot] of plots.entries()) await writeFile(join(results, plotFile(name, number)), draw(plot));
  }
  const goals = tableOf(["", "benchmark", "at most", "measured", "reached"], goalRows(sections));
  const page = ["# What was measured", ...sections.map(sectionOf), "## Goals", goals, await readFile(findings, "utf8")];
  await writeFile(join(results, "report.md"), page.join("\n\n"));
}

function sectionOf({ name, about, machine, columns, rows, plots = [] }: Result): string {
  const on = `${machine.cpus} x ${machine.model}, ${Math.round(machine.memory / 2 ** 30)} GiB, Node ${machine.node}`;
  return [
    `## ${name}`,
    about,
    `${on}; \`pnpm bench ${name}\`.`,
    tableOf(columns, rows),
    ...plots.map(({ title }, number) => `![${title}](${plotFile(name, number)})`),
  ].join("\n\n");
}

function tableOf(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  return [columns, columns.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function plotFile(name: string, number: number): string {
  return `${name}${number === 0 ? "" : `-${number + 1}`}.svg`;
}
