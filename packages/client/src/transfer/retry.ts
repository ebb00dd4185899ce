import { setTimeout as sleep } from "node:timers/promises";

import { type ErrorCode, TrailsumError } from "@trailsum/shared";

/** Transient failures: the same request may succeed later. */
const TRANSIENT: ReadonlySet<ErrorCode> = new Set([
  "CONNECT_FAILED",
  "CONNECTION_LOST",
  "TIMEOUT",
  "DIGEST_MISMATCHED",
  "SIZE_MISMATCHED",
]);
const TRANSIENT_STATUS: ReadonlySet<number> = new Set([408, 425, 429, 502, 503, 504]);

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 30_000;
/** The longest time that `Retry-After` is honoured for. */
const LONGEST_RETRY_AFTER = 120_000;

/** Settings of {@link withRetries}. */
export interface Retrying {
  /** The most repetitions. */
  readonly retries: number;
  /** Whether another attempt is possible. */
  readonly repeatable: () => boolean;
  readonly signal: AbortSignal | undefined;
  /** Called before each pause. */
  readonly onRetry: () => void;
}

/**
 * Runs `attempt`, and repeats it after a transient failure. Each pause is longer than the one before, and at least as long
 * as the server asks for in `Retry-After`, up to two minutes.
 */
export async function withRetries<T>(
  { retries, repeatable, signal, onRetry }: Retrying,
  attempt: (number: number) => Promise<T>,
): Promise<T> {
  for (let number = 0; ; number += 1) {
    try {
      return await attempt(number);
    } catch (error) {
      if (number >= retries || !isTransient(error) || !repeatable()) throw error;
      onRetry();
      await sleep(pauseAfter(error, number), undefined, signal === undefined ? {} : { signal }).catch(
        (cause: unknown) => {
          throw new TrailsumError("ABORTED", "cancelled while waiting to try again", { cause });
        },
      );
    }
  }
}

/** The pause after failure `number`, counted from 0, in milliseconds. */
export function pauseAfter({ retryAfter = 0 }: TrailsumError, number: number): number {
  return Math.max(Math.min(retryAfter, LONGEST_RETRY_AFTER), Math.min(FIRST_PAUSE * 2 ** number, LONGEST_PAUSE));
}

function isTransient(error: unknown): error is TrailsumError {
  if (!(error instanceof TrailsumError)) return false;
  return TRANSIENT.has(error.code) || (error.code === "REFUSED" && TRANSIENT_STATUS.has(error.status ?? 0));
}
