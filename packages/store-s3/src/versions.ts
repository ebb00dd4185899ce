import type { ObjectVersion } from "@trailsum/server";
import { createStreamDigester, type Digests } from "@trailsum/shared";

import { type S3Bucket, type ObjectHeader } from "./bucket.ts";
import { describeObject, parseRecord, type VersionRecord } from "./object-header.ts";
import { readRange } from "./object-reader.ts";
import type { StoreKeys } from "./store-keys.ts";

/** One version of an object in the bucket. */
export interface Version extends ObjectVersion, Omit<VersionRecord, "digests"> {
  readonly key: string;
  readonly etag: string;
  /** What made it; undefined if other software did. */
  readonly id: string | undefined;
  /** Whether its digests are in a separate record. */
  readonly isRecorded: boolean;
}

/** The part of a response that describes an object. */
export interface ObjectResponse extends ObjectHeader {
  readonly ETag?: string | undefined;
  readonly LastModified?: Date | undefined;
}

/** The most versions whose computed digests are remembered. */
const MAX_COMPUTED = 10_000;

/** Reads what is known of the objects in a bucket. */
export class Versions {
  readonly #bucket: S3Bucket;
  readonly #keys: StoreKeys;
  readonly #computed = new Map<string, Digests>();

  constructor(bucket: S3Bucket, keys: StoreKeys) {
    this.#bucket = bucket;
    this.#keys = keys;
  }

  /** What is at a key now; undefined if nothing is. With `digest`, its sha-256 is known even if it has to be read for it. */
  async current(key: string, digest = false): Promise<Version | undefined> {
    const response = await this.#bucket.head(key);
    if (response === undefined) return undefined;
    const version = await this.describe(key, response, response.ContentLength ?? 0);
    return digest ? this.withDigest(version) : version;
  }

  /** The metadata of an object, from a response and from its record. */
  async describe(key: string, response: ObjectResponse, size: number): Promise<Version> {
    const { id, isRecorded, record } = describeObject(response, size);
    const etag = response.ETag ?? "";
    const modified = response.LastModified ?? new Date();
    const known = { key, etag, id, isRecorded, size, modified, ...record };
    const recorded = isRecorded ? await this.#record(key, id!, size) : undefined;
    const digests = this.#computed.get(nameOf(known)) ?? recorded?.digests ?? record.digests;
    return { ...known, ...recorded, digests };
  }

  /** The version with its sha-256: it is read where that is not known. */
  async withDigest(version: Version): Promise<Version> {
    const { digests: known, size, key, etag } = version;
    if (known?.values.has("sha-256") === true) return version;
    const digester = await createStreamDigester(["sha-256", ...(known?.values.keys() ?? [])], size);
    try {
      for await (const piece of readRange(this.#bucket, { key, etag }, { start: 0, end: size }))
        await digester.update(piece as Buffer);
      const digests = await digester.digest();
      // What was recorded when it was verified decides what it should be.
      if (known !== undefined && !agree(known, digests)) return version;
      this.#remember(version, digests);
      return { ...version, digests };
    } finally {
      digester.close();
    }
  }

  /** Removes what was recorded of a version that is gone. What cannot be removed now is removed with other left-overs. */
  async forget({ id, isRecorded }: Version): Promise<void> {
    if (isRecorded) await this.#bucket.remove(this.#keys.record(id!)).catch(() => {});
  }

  async #record(key: string, id: string, size: number): Promise<VersionRecord | undefined> {
    const stored = await this.#bucket.read(this.#keys.record(id));
    const record = stored && parseRecord(stored.bytes);
    if (record === undefined || record.key !== key || record.digests.size !== size) return undefined;
    const { digests, fields, verified } = record;
    return { digests, fields, verified };
  }

  #remember(version: Version, digests: Digests): void {
    this.#computed.set(nameOf(version), digests);
    const [oldest] = this.#computed.keys();
    if (this.#computed.size > MAX_COMPUTED && oldest !== undefined) this.#computed.delete(oldest);
  }
}

function nameOf({ key, etag }: { readonly key: string; readonly etag: string }): string {
  return `${etag} ${key}`;
}

/** Whether the digests of `known` are among `computed`. */
function agree(known: Digests, computed: Digests): boolean {
  return [...known.values].every(([algorithm, digest]) => computed.values.get(algorithm)?.equals(digest) === true);
}
