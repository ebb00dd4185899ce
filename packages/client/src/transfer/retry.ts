import { setTimeout as sleep } from "node:timers/promises";

import { type ErrorCode, TrailsumError } from "@trailsum/shared";

/** Failures that may pass when the same is tried again, unchanged. */
const PASSING: ReadonlySet<ErrorCode> = new Set([
  "CONNECT_FAILED",
  "CONNECTION_LOST",
  "TIMEOUT",
  "DIGEST_MISMATCHED",
  "SIZE_MISMATCHED",
]);
const PASSING_STATUS: ReadonlySet<number> = new Set([408, 425, 429, 502, 503, 504]);

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 30_000;

/** Runs `attempt`, and again up to `retries` times when it failed in a way that may pass, pausing longer each time. */
export async function withRetries<T>(
  retries: number,
  signal: AbortSignal | undefined,
  attempt: (number: number) => Promise<T>,
): Promise<T> {
  for (let number = 0; ; number += 1) {
    try {
      return await attempt(number);
    } catch (error) {
      if (number >= retries || !mayPass(error)) throw error;
      const pause = Math.min(FIRST_PAUSE * 2 ** number, LONGEST_PAUSE);
      await sleep(pause, undefined, signal === undefined ? {} : { signal }).catch((cause: unknown) => {
        throw new TrailsumError("ABORTED", "cancelled while waiting to try again", { cause });
      });
    }
  }
}

function mayPass(error: unknown): boolean {
  if (!(error instanceof TrailsumError)) return false;
  return PASSING.has(error.code) || (error.code === "REFUSED" && PASSING_STATUS.has(error.status ?? 0));
}
