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
/** A server that asks for more time than this is tried again all the same. */
const LONGEST_RETRY_AFTER = 120_000;

/** How an attempt is repeated. */
export interface Retrying {
  /** How often at most. */
  readonly retries: number;
  /** Whether another attempt is possible. */
  readonly repeatable: () => boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * Runs `attempt`, and again when it failed in a way that may pass, pausing longer each time, and no shorter than a server
 * asks for in `Retry-After`, up to two minutes.
 */
export async function withRetries<T>(
  { retries, repeatable, signal }: Retrying,
  attempt: (number: number) => Promise<T>,
): Promise<T> {
  for (let number = 0; ; number += 1) {
    try {
      return await attempt(number);
    } catch (error) {
      if (number >= retries || !mayPass(error) || !repeatable()) throw error;
      await sleep(pauseAfter(error, number), undefined, signal === undefined ? {} : { signal }).catch(
        (cause: unknown) => {
          throw new TrailsumError("ABORTED", "cancelled while waiting to try again", { cause });
        },
      );
    }
  }
}

/** How many milliseconds to wait after failure `number`, counted from 0. */
export function pauseAfter({ retryAfter = 0 }: TrailsumError, number: number): number {
  return Math.max(Math.min(retryAfter, LONGEST_RETRY_AFTER), Math.min(FIRST_PAUSE * 2 ** number, LONGEST_PAUSE));
}

function mayPass(error: unknown): error is TrailsumError {
  if (!(error instanceof TrailsumError)) return false;
  return PASSING.has(error.code) || (error.code === "REFUSED" && PASSING_STATUS.has(error.status ?? 0));
}
