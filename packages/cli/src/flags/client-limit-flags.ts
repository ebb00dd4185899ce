import { TrailsumError } from "@trailsum/shared";

import type { Flags } from "./flag.ts";
import { milliseconds, timeoutFlag } from "./timeout-flags.ts";

/** What the flags for slow and idle clients hold once they are parsed. */
export interface ClientLimitArguments {
  readonly timeoutIdle: number;
  readonly timeoutHead: number;
  readonly timeoutKeepAlive: number;
  readonly minRate: number;
}

/** The flags of a command that listens, for slow and idle clients. `idle` is what `--timeout-idle` limits, and its default. */
export function clientLimitFlags(idle: { readonly seconds: number; readonly describe: string }): Flags {
  return {
    "timeout-idle": timeoutFlag(idle.seconds, idle.describe),
    "timeout-head": timeoutFlag(30, "time for a client to send the head of a request"),
    "timeout-keep-alive": timeoutFlag(60, "time to keep the idle connection of a client"),
    "min-rate": {
      type: "number",
      default: 0,
      describe: "bytes per second that a client must send of a body, or take of a response (0: any)",
    },
  };
}

/** The options of a server for these flags. Throws `USAGE` for what is not a time or a rate. */
export function clientLimits(given: ClientLimitArguments): {
  headTimeout: number;
  keepAliveTimeout: number;
  idleTimeout: number;
  minRate: number;
} {
  return {
    headTimeout: milliseconds("timeout-head", given.timeoutHead),
    keepAliveTimeout: milliseconds("timeout-keep-alive", given.timeoutKeepAlive),
    idleTimeout: milliseconds("timeout-idle", given.timeoutIdle),
    minRate: bytesPerSecond(given.minRate),
  };
}

function bytesPerSecond(given: number): number {
  if (Number.isFinite(given) && given >= 0) return given;
  throw new TrailsumError("USAGE", "--min-rate takes a number of bytes per second, 0 or more");
}
