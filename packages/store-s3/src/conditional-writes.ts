import { randomUUID } from "node:crypto";

import type { S3Bucket, WriteCondition } from "./bucket.ts";
import { isPreconditionFailed } from "./s3-errors.ts";
import type { StoreKeys } from "./store-keys.ts";

/** The requests that can have a condition. */
export type ConditionalRequest = "put" | "complete" | "remove";

const WRONG = '"00000000000000000000000000000000"';

/**
 * Whether the object storage evaluates the conditions of writes. Some refuse them, and some ignore them in silence: so each
 * kind of request is tried once, with conditions that do not hold and one that does, on an object of the store's own.
 */
export class ConditionalWrites {
  readonly #bucket: S3Bucket;
  readonly #keys: StoreKeys;
  readonly #known = new Map<ConditionalRequest, Promise<boolean>>();

  constructor(bucket: S3Bucket, keys: StoreKeys) {
    this.#bucket = bucket;
    this.#keys = keys;
  }

  /** Whether the conditions of such requests are evaluated. */
  async supports(request: ConditionalRequest): Promise<boolean> {
    const known = this.#known.get(request) ?? this.#try(request);
    this.#known.set(request, known);
    try {
      return await known;
    } catch (error) {
      this.#known.delete(request);
      throw error;
    }
  }

  async #try(request: ConditionalRequest): Promise<boolean> {
    const key = `${this.#keys.own}conditions/${randomUUID()}`;
    const etag = await this.#bucket.put(key, Buffer.from("one"));
    try {
      switch (request) {
        case "put":
          return await evaluates(etag, (condition) => this.#bucket.put(key, Buffer.from("two"), {}, condition));
        case "complete":
          return await evaluates(etag, (condition) => this.#complete(key, condition));
        case "remove":
          return (
            (await fails(() => this.#bucket.remove(key, WRONG))) && !(await fails(() => this.#bucket.remove(key, etag)))
          );
      }
    } finally {
      await this.#bucket.remove(key).catch(() => {});
    }
  }

  async #complete(key: string, condition: WriteCondition): Promise<unknown> {
    const upload = await this.#bucket.begin(key, {});
    try {
      const part = await this.#bucket.sendPart(upload, 1, Buffer.from("two"));
      return await this.#bucket.complete(upload, [part], condition);
    } finally {
      await this.#bucket.abort(upload).catch(() => {});
    }
  }
}

/** Whether a write to what has this entity tag fails on conditions that do not hold, and on no other one. */
async function evaluates(etag: string, write: (condition: WriteCondition) => Promise<unknown>): Promise<boolean> {
  return (
    (await fails(() => write({ ifNoneMatch: "*" }))) &&
    (await fails(() => write({ ifMatch: WRONG }))) &&
    !(await fails(() => write({ ifMatch: etag })))
  );
}

/** Whether the condition of a request was found not to hold. A request that is refused as such has no conditions: false. */
async function fails(request: () => Promise<unknown>): Promise<boolean> {
  try {
    await request();
    return false;
  } catch (error) {
    return isPreconditionFailed(error);
  }
}
