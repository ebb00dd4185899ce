import { redactedTarget, TrailsumError } from "@trailsum/shared";

import type { Hop } from "../../transfer/redirects.ts";
import { transportError } from "../../transfer/transport-error.ts";
import type { UploadRequesting } from "../upload-resource-requests.ts";

/**
 * How long a path may take to carry a question of a few bytes and its answer, the connection included. Milliseconds. A
 * server that never answers gets its upload after that.
 */
const QUESTION_TIMEOUT = 5_000;

/** Asks within that time. Rejects with a `TrailsumError`: `TIMEOUT` after it. */
export async function inTime<T>(
  { url }: Hop,
  requesting: UploadRequesting,
  ask: (timed: UploadRequesting) => Promise<T>,
): Promise<T> {
  const { signal } = requesting;
  const deadline = AbortSignal.timeout(QUESTION_TIMEOUT);
  try {
    return await ask({ ...requesting, signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]) });
  } catch (error) {
    if (deadline.aborted && signal?.aborted !== true)
      throw new TrailsumError("TIMEOUT", `${redactedTarget(url)}: a question of a few bytes was not answered in time`);
    throw transportError(error, url);
  }
}
