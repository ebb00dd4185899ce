import { TrailsumError } from "@trailsum/shared";

import type { Flags } from "./settings.ts";

/** A flag that takes seconds, fractions included; 0 is no limit. */
export function timeoutFlag(seconds: number, describe: string): Flags[string] {
  return { type: "number", default: seconds, describe: `${describe} (seconds, 0: no limit)`, requiresArg: true };
}

/** What was given for such a flag, in milliseconds. `USAGE` for anything but a number of seconds, 0 or more. */
export function milliseconds(flag: string, seconds: number): number {
  if (Number.isFinite(seconds) && seconds >= 0) return Math.ceil(seconds * 1_000);
  throw new TrailsumError("USAGE", `--${flag} takes a number of seconds, 0 or more (0: no limit)`);
}
