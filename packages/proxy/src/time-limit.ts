import { TrailsumError } from "@trailsum/shared";

/** The longest time that Node's timers take; a longer one they take for 1 ms. */
export const LONGEST_TIMEOUT: number = 2 ** 31 - 1;

/** A time limit in milliseconds from an option, where 0 means none (`Infinity`). Throws `USAGE` for what is not a time. */
export function timeLimit(option: string, given: number | undefined, byDefault: number): number {
  const limit = given ?? byDefault;
  if (typeof limit !== "number" || !(limit >= 0))
    throw new TrailsumError(
      "USAGE",
      `${option} is a number of milliseconds, or 0 for no limit, and not ${String(limit)}`,
    );
  return limit === 0 ? Number.POSITIVE_INFINITY : limit;
}
