import type { LoadOutcome } from "../load/load.ts";
import type { BarPlot } from "../plot.ts";
import type { Report } from "../report.ts";
import { type Measured, medianOf } from "./measure.ts";

/** What a column of a table reads from a turn. */
interface Column {
  readonly title: string;
  readonly reading: (outcome: LoadOutcome) => number;
  /** How many digits after the point. */
  readonly digits: number;
}

/** What is compared: processor time per unit of work. */
interface Comparand {
  readonly name: string;
  readonly about: string;
  readonly cost: Column & { readonly unit: string };
  readonly others: readonly Column[];
  /** Which of ours a subject is compared with, by its name. Default: `trailsum`. */
  readonly ownFor?: (name: string) => string;
}

/** A table of all subjects with what each costs, how ours compares, and whether it keeps trailers; and the costs as bars. */
export function comparison(
  { name, about, cost, others, ownFor = () => "trailsum" }: Comparand,
  measured: readonly Measured[],
): Report {
  const good = measured.filter(({ failure, outcomes }) => failure === undefined && outcomes.length > 0);
  const row = (one: Measured): string[] => {
    const own = good.find((other) => other.name === ownFor(one.name));
    const its = medianOf(one, cost.reading);
    return [
      labelOf(one),
      its.toFixed(cost.digits),
      own === undefined ? "" : (medianOf(own, cost.reading) / its).toFixed(2),
      ...others.map(({ reading, digits }) => medianOf(one, reading).toFixed(digits)),
      keeping(one),
    ];
  };
  const failed = measured.filter((one) => !good.includes(one));
  return {
    name,
    about: [about, ...failed.map((one) => `${labelOf(one)} could not be measured: ${one.failure}.`)].join(" "),
    columns: ["", cost.title, "trailsum / this", ...others.map(({ title }) => title), "trailers"],
    rows: good.map(row),
    plots: [barsOf(cost, good)],
    figures: measured,
  };
}

/** A subject's name and version. */
export function labelOf({ name, version }: Measured): string {
  return `${name} ${version}`.trim();
}

/** Whether it does the work that it is measured at. */
export function keeping({ keeps }: Measured): string {
  return keeps === "all" ? "kept" : keeps === "none" ? "**lost**" : "**some lost**";
}

function barsOf({ title, reading, unit }: Comparand["cost"], measured: readonly Measured[]): BarPlot {
  const bars = measured.map((one) => ({
    label: `${labelOf(one)}${one.keeps === "all" ? "" : " (loses trailers)"}`,
    value: medianOf(one, reading),
    pale: one.keeps !== "all",
  }));
  return { kind: "bars", title: `${title.charAt(0).toUpperCase()}${title.slice(1)}`, unit, bars };
}
