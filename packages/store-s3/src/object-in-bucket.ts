import type { Readable } from "node:stream";

import type { ReadOptions, StoredObject } from "@trailsum/server";
import type { Digests, FieldLine } from "@trailsum/shared";

import type { S3Bucket } from "./bucket.ts";
import { readRange } from "./object-reader.ts";
import type { Version } from "./versions.ts";

/** One version of an object, its beginning in memory. */
export class ObjectInBucket implements StoredObject {
  readonly size: number;
  readonly digests: Digests | undefined;
  readonly fields: readonly FieldLine[];
  readonly modified: Date;
  readonly verified: Date | undefined;
  readonly #bucket: S3Bucket;
  readonly #version: Version;
  readonly #beginning: Buffer;

  constructor(bucket: S3Bucket, version: Version, beginning: Buffer) {
    this.#bucket = bucket;
    this.#version = version;
    this.#beginning = beginning;
    ({
      size: this.size,
      digests: this.digests,
      fields: this.fields,
      modified: this.modified,
      verified: this.verified,
    } = version);
  }

  createReadStream({ start = 0, end = this.size }: ReadOptions = {}): Readable {
    return readRange(this.#bucket, this.#version, { start, end }, this.#beginning);
  }

  async close(): Promise<void> {}
}
