import { randomBytes } from "node:crypto";

import { TrailsumError } from "@trailsum/shared";

import type { S3Bucket } from "./bucket.ts";
import type { ConditionalWrites } from "./conditional-writes.ts";
import { isPreconditionFailed } from "./s3-errors.ts";
import type { StoreKeys } from "./store-keys.ts";
import { formatState, parseState, type Segment, type UploadState } from "./upload-state.ts";

/** The objects of one upload: its state, and the segments of its content. */
export class UploadObjects {
  readonly bucket: S3Bucket;
  readonly #conditions: ConditionalWrites;
  readonly #prefix: string;
  #etag: string | undefined;

  constructor(bucket: S3Bucket, keys: StoreKeys, conditions: ConditionalWrites, id: string) {
    this.bucket = bucket;
    this.#conditions = conditions;
    this.#prefix = keys.upload(id);
  }

  /** Reads the state, and when it was written; undefined if there is no upload. */
  async load(): Promise<{ readonly state: UploadState; readonly modified: Date } | undefined> {
    const stored = await this.bucket.read(this.#stateKey);
    const state = stored && parseState(stored.bytes);
    if (stored === undefined || state === undefined) return undefined;
    this.#etag = stored.etag;
    return { state, modified: stored.modified };
  }

  /** Replaces the state. Throws `UNAVAILABLE` if another process has done so, where the object storage can find that out. */
  async save(state: UploadState): Promise<void> {
    const isEvaluated = this.#etag !== undefined && (await this.#conditions.supports("put"));
    const condition = isEvaluated ? { ifMatch: this.#etag! } : undefined;
    try {
      this.#etag = await this.bucket.put(this.#stateKey, formatState(state), {}, condition);
    } catch (cause) {
      if (!isPreconditionFailed(cause)) throw cause;
      throw new TrailsumError("UNAVAILABLE", "another request uses this upload: try again", { cause });
    }
  }

  /** Stores a segment. It counts when a state names it. */
  async store(bytes: Buffer): Promise<Segment> {
    const name = `content-${randomBytes(8).toString("hex")}`;
    const etag = await this.bucket.put(this.key({ name }), bytes);
    return { name, etag, size: bytes.length };
  }

  /** Removes segments that no state names any more. What cannot be removed now is removed with other left-overs. */
  async drop(segments: readonly Segment[]): Promise<void> {
    await Promise.all(segments.map((segment) => this.bucket.remove(this.key(segment)).catch(() => {})));
  }

  /** Removes the state, and with it the upload. */
  async remove(): Promise<void> {
    await this.bucket.remove(this.#stateKey);
  }

  key({ name }: Pick<Segment, "name">): string {
    return `${this.#prefix}${name}`;
  }

  get #stateKey(): string {
    return `${this.#prefix}state`;
  }
}
