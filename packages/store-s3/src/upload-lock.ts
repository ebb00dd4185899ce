import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import type { UploadTurn } from "@trailsum/server";
import { TrailsumError } from "@trailsum/shared";

import type { S3Bucket, WriteCondition } from "./bucket.ts";
import type { ConditionalWrites } from "./conditional-writes.ts";
import { isPreconditionFailed } from "./s3-errors.ts";

/** Interval at which the holder of a lock checks whether another process wants it. Milliseconds. */
const LOOK = 2_000;
/** How often it writes the lock again. */
const RENEW = 10_000;
/** After which time without that it is taken for dead. */
const STALE = 45_000;
/** How long a request waits for a lock. */
const PATIENCE = 120_000;

/** The lock of one upload among the processes that share a bucket: an object that its holder writes again and again. */
export interface UploadLockOptions {
  readonly bucket: S3Bucket;
  readonly conditions: ConditionalWrites;
  /** What the keys of the upload begin with. */
  readonly prefix: string;
  /** Called when another process wants the lock. */
  readonly onWanted: () => void;
}

/**
 * Waits for the lock. Two processes cannot get it at once if the object storage evaluates conditions. Elsewhere they can if
 * they ask within one round trip.
 */
export async function takeUploadLock({ bucket, conditions, prefix, onWanted }: UploadLockOptions): Promise<UploadTurn> {
  const [lock, wanted] = [`${prefix}lock`, `${prefix}wanted`];
  const token = randomUUID();
  const isEvaluated = await conditions.supports("put");
  let turns = 0;
  /** Writes the lock if what it replaces is still there. Undefined if not. */
  const write = async (condition: WriteCondition): Promise<string | undefined> => {
    turns += 1;
    const body = Buffer.from(`${token} ${turns}`);
    try {
      return await bucket.put(lock, body, {}, isEvaluated ? condition : undefined);
    } catch (error) {
      if (!isPreconditionFailed(error)) throw error;
      return undefined;
    }
  };

  const acquire = async (): Promise<string> => {
    const began = Date.now();
    let seen = { etag: "", since: began };
    for (let wait = 100; ; wait = Math.min(2 * wait, 1_000)) {
      const there = await bucket.head(lock);
      const etag = there?.ETag ?? "";
      if (etag !== seen.etag) seen = { etag, since: Date.now() };
      if (there === undefined || Date.now() - seen.since > STALE) {
        const held = await write(there === undefined ? { ifNoneMatch: "*" } : { ifMatch: etag });
        if (held !== undefined) return held;
      } else if (Date.now() - began > PATIENCE) {
        throw new TrailsumError("UNAVAILABLE", "another request uses this upload: try again");
      } else {
        await bucket.put(wanted, Buffer.from(token));
      }
      await sleep(wait);
    }
  };

  let etag = await acquire();
  let renewed = Date.now();
  let ended = false;
  let looking: Promise<void> = Promise.resolve();
  let asked = false;
  const look = async (): Promise<void> => {
    if (!asked && (await bucket.head(wanted)) !== undefined) {
      asked = true;
      onWanted();
    }
    if (ended || Date.now() - renewed < RENEW) return;
    const next = await write({ ifMatch: etag });
    renewed = Date.now();
    // Another process has taken it for dead: what it writes now fails by its own condition.
    if (next === undefined) onWanted();
    else etag = next;
  };
  const timer = setInterval(() => {
    looking = looking.then(look).catch(() => {});
  }, LOOK).unref();
  return {
    async release() {
      ended = true;
      clearInterval(timer);
      await looking;
      await bucket.remove(wanted).catch(() => {});
      await bucket.remove(lock).catch(() => {});
    },
  };
}
