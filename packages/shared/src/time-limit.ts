import { TrailsumError } from "./errors.ts";

/** The longest delay of a Node timer, in milliseconds. Node treats any longer delay as 1 ms. */
export const LONGEST_TIMEOUT: number = 2 ** 31 - 1;

/**
 * The time limit in milliseconds that an option asks for, where 0 means no limit (`Infinity`). A finite limit is at most
 * `LONGEST_TIMEOUT`, 25 days. Throws `USAGE` for anything but a number of milliseconds.
 */
export function timeLimit(option: string, given: number | undefined, byDefault: number): number {
  const limit = given ?? byDefault;
  if (typeof limit !== "number" || !(limit >= 0))
    throw new TrailsumError(
      "USAGE",
      `${option} must be a number of milliseconds, or 0 for no limit, not ${String(limit)}`,
    );
  return limit === 0 || limit === Number.POSITIVE_INFINITY
    ? Number.POSITIVE_INFINITY
    : Math.min(limit, LONGEST_TIMEOUT);
}
