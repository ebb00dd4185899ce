import type { CommitCondition, Committed } from "@trailsum/server";
import { PathLocks } from "@trailsum/server/stores";
import { TrailsumError } from "@trailsum/shared";

import type { S3Bucket, MultipartUpload, ReceivedPart, WriteCondition } from "./bucket.ts";
import type { ConditionalWrites } from "./conditional-writes.ts";
import { completeHeader, formatRecord, recordedHeader, type VersionRecord } from "./object-header.ts";
import { isAbsent, isPreconditionFailed } from "./s3-errors.ts";
import type { StoreKeys } from "./store-keys.ts";
import type { Version, Versions } from "./versions.ts";

/** Content that becomes an object: in memory, or as the parts of a multipart upload. `id` names the version. */
export type NewContent = { readonly id: string } & (
  | { readonly bytes: Buffer }
  | { readonly upload: MultipartUpload; readonly parts: readonly ReceivedPart[] }
);

/** One write at a time to each object, by whichever store of this process. */
const writes = new PathLocks();
/** How often a write is tried again whose object is replaced by others meanwhile. */
const ATTEMPTS = 5;

/** Makes objects visible, and removes them: each in one step, and only if a condition holds. */
export class Publication {
  readonly #bucket: S3Bucket;
  readonly #keys: StoreKeys;
  readonly #versions: Versions;
  readonly #conditions: ConditionalWrites;

  constructor(bucket: S3Bucket, keys: StoreKeys, versions: Versions, conditions: ConditionalWrites) {
    this.#bucket = bucket;
    this.#keys = keys;
    this.#versions = versions;
    this.#conditions = conditions;
  }

  /**
   * Publishes content at a key. The object storage evaluates the condition where it can; elsewhere it is evaluated just before
   * the write, while no other store of this process writes there.
   */
  async publish(
    key: string,
    content: NewContent,
    record: VersionRecord,
    condition: CommitCondition | undefined,
  ): Promise<Committed> {
    const request = "bytes" in content ? "put" : "complete";
    const write = await this.#prepare(key, content, record);
    try {
      const before = await this.#write(key, request, condition, async (_before, required) => {
        try {
          await write(required);
        } catch (error) {
          if (!(await this.#isPublished(key, content.id, error))) throw error;
        }
        await this.#checkSize(key, content, record);
      });
      if (before !== undefined) await this.#versions.forget(before);
      return { created: before === undefined };
    } catch (error) {
      if (error instanceof TrailsumError && error.code === "STORED_BYTES_DIFFER") await this.#withdraw(key, content.id);
      await this.#bucket.remove(this.#keys.record(content.id)).catch(() => {});
      throw error;
    }
  }

  /** Removes an object. Returns whether there was one. */
  async remove(key: string, condition: CommitCondition | undefined): Promise<boolean> {
    const before = await this.#write(key, "remove", condition, async (there, required) => {
      if (there === undefined) return;
      await this.#bucket.remove(key, required !== undefined && "ifMatch" in required ? required.ifMatch : undefined);
    });
    if (before !== undefined) await this.#versions.forget(before);
    return before !== undefined;
  }

  /** Checks the condition, and writes on condition that what was checked is still there. Returns what was there. */
  async #write(
    key: string,
    request: "put" | "complete" | "remove",
    condition: CommitCondition | undefined,
    write: (before: Version | undefined, required: WriteCondition | undefined) => Promise<void>,
  ): Promise<Version | undefined> {
    return writes.hold(`${this.#bucket.name}/${key}`, async () => {
      for (let attempt = 1; ; attempt += 1) {
        const before = await this.#versions.current(key, condition?.needsDigest);
        condition?.check(before);
        const isEvaluated = condition !== undefined && (await this.#conditions.supports(request));
        const required = before === undefined ? { ifNoneMatch: "*" as const } : { ifMatch: before.etag };
        try {
          await write(before, isEvaluated ? required : undefined);
          return before;
        } catch (error) {
          if (!isPreconditionFailed(error)) throw error;
          if (attempt === ATTEMPTS)
            throw new TrailsumError("UNAVAILABLE", "the object is being replaced all the time: try again", {
              cause: error,
            });
        }
      }
    });
  }

  /** Writes what has to be there before the object is, and returns what makes the object visible. */
  async #prepare(
    key: string,
    content: NewContent,
    record: VersionRecord,
  ): Promise<(required: WriteCondition | undefined) => Promise<unknown>> {
    const whole = "bytes" in content ? completeHeader(content.id, record) : undefined;
    if (whole === undefined) await this.#bucket.put(this.#keys.record(content.id), formatRecord(key, record));
    if ("bytes" in content) {
      const header = whole ?? recordedHeader(content.id, record.fields);
      return (required) => this.#bucket.put(key, content.bytes, header, required);
    }
    return (required) => this.#bucket.complete(content.upload, content.parts, required);
  }

  /** Whether a write that failed was done all the same: a response may be lost, and a second request find nothing to do. */
  async #isPublished(key: string, id: string, error: unknown): Promise<boolean> {
    const isUncertain = isAbsent(error) || (error instanceof TrailsumError && error.code === "UNAVAILABLE");
    if (!isUncertain && !isPreconditionFailed(error)) return false;
    const there = await this.#versions.current(key).catch(() => undefined);
    return there?.id === id;
  }

  /** Checks that nothing was lost when parts became one object. */
  async #checkSize(key: string, content: NewContent, { digests }: VersionRecord): Promise<void> {
    if ("bytes" in content) return;
    const there = await this.#bucket.head(key);
    if (there?.ContentLength === digests.size || there?.Metadata?.["trailsum-id"] !== content.id) return;
    const message = `the object storage made ${there.ContentLength} bytes of ${digests.size}: try again`;
    throw new TrailsumError("STORED_BYTES_DIFFER", message, { status: 503 });
  }

  /** Removes an object that the object storage damaged while it stored it. */
  async #withdraw(key: string, id: string): Promise<void> {
    const there = await this.#versions.current(key).catch(() => undefined);
    if (there?.id === id) await this.#bucket.remove(key).catch(() => {});
  }
}
