import { parseArgs } from "node:util";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string" },
    rounds: { type: "string" },
    seconds: { type: "string" },
    keep: { type: "boolean", default: false },
    profile: { type: "boolean", default: false },
    smoke: { type: "boolean", default: false },
  },
});
const smoke = values.smoke || process.env["BENCH_SMOKE"] === "1";

function number(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

/** What this run was asked for, by flags or by the environment. */
export const settings = {
  /** The names of benchmarks, or how they begin; none for all. */
  names: positionals,
  /** Measures these subjects alone: how their names begin, in lower case; `ours` is this project. */
  only: values.only?.split(","),
  /** A look that leaves no results: what was measured of some says nothing about the others beside them. */
  look: values.profile || (values.only !== undefined && !values.keep),
  /** How often each subject takes its turn. */
  rounds: number(values.rounds ?? process.env["BENCH_ROUNDS"]) ?? (smoke ? 1 : undefined),
  /** How many seconds a turn takes, where it is not as long as its work is. */
  seconds: number(values.seconds ?? process.env["BENCH_SECONDS"]),
  /** How large is large content, in MiB. */
  mib: number(process.env["BENCH_MIB"]) ?? (smoke ? 4 : undefined),
  /** Keeps profiles of our own processes instead of results. */
  profile: values.profile,
  /** Looks whether everything works, on so little that no figure means anything. */
  smoke,
} as const;

/** Whether a subject of that name is to be measured. */
export function isWanted(name: string): boolean {
  const plain = name.toLowerCase().replaceAll(/[`@]/g, "");
  const own = plain.startsWith("trailsum");
  if (settings.profile) return own;
  return settings.only?.some((start) => (start === "ours" ? own : plain.startsWith(start))) ?? true;
}
