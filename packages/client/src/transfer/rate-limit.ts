import { setTimeout as sleep } from "node:timers/promises";

import { TrailsumError } from "@trailsum/shared";

/** A limit on bytes per second, for one transfer or for several that share it. */
export interface RateLimit {
  /** The limit, in bytes per second. */
  readonly bytesPerSecond: number;
  /**
   * Takes so many bytes out of the bucket. Resolves when they may be transferred; undefined if that is now. Rejects when
   * `signal` fires.
   */
  take(bytes: number, signal?: AbortSignal): Promise<void> | undefined;
}

/** How much of an idle time may be made up for later. Milliseconds. */
const BURST = 100;

/**
 * A token bucket: over any stretch of time, no more than `bytesPerSecond` and a tenth of a second's worth of bytes are
 * transferred. Transfers that are given the same one share it, in the order in which they ask.
 * Throws `USAGE` unless `bytesPerSecond` is a positive number.
 */
export function createRateLimit(bytesPerSecond: number): RateLimit {
  if (!Number.isFinite(bytesPerSecond) || bytesPerSecond <= 0)
    throw new TrailsumError("USAGE", "a rate limit is a positive number of bytes per second");
  /** When all that was taken will have been transferred at this rate. */
  let settled = -Infinity;
  return {
    bytesPerSecond,
    take(bytes, signal) {
      const now = performance.now();
      settled = Math.max(settled, now - BURST) + (bytes / bytesPerSecond) * 1_000;
      return settled <= now ? undefined : pause(settled, signal);
    },
  };
}

/** The limit of an option: its own if it is a number. */
export function rateLimitOf(limit: number | RateLimit | undefined): RateLimit | undefined {
  return typeof limit === "number" ? createRateLimit(limit) : limit;
}

/** Timers may fire early, and cannot be set for longer than this. Milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

async function pause(until: number, signal: AbortSignal | undefined): Promise<void> {
  for (let left = until - performance.now(); left > 0; left = until - performance.now())
    await sleep(Math.min(Math.ceil(left), LONGEST_TIMER), undefined, signal === undefined ? {} : { signal });
}
