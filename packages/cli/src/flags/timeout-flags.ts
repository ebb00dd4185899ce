import { TrailsumError } from "@trailsum/shared";

import type { Flags } from "./flag.ts";

/** A flag whose value is in seconds, fractions included; 0 means no limit. */
export function timeoutFlag(seconds: number, describe: string): Flags[string] {
  return { type: "number", default: seconds, describe: `${describe} (seconds, 0: no limit)` };
}

/** The value of such a flag in milliseconds. Throws `USAGE` unless it is a number of seconds, 0 or more. */
export function milliseconds(flag: string, seconds: number): number {
  if (Number.isFinite(seconds) && seconds >= 0) return Math.ceil(seconds * 1_000);
  throw new TrailsumError("USAGE", `--${flag} takes a number of seconds, 0 or more (0: no limit)`);
}
