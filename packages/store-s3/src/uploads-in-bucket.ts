import type { CreateUploadOptions, StoredUpload, UploadEntry, UploadStore, UploadTurn } from "@trailsum/server";
import { UploadTurns } from "@trailsum/server/stores";

import type { S3Bucket } from "./bucket.ts";
import type { ConditionalWrites } from "./conditional-writes.ts";
import { UploadInBucket, type UploadInBucketOptions } from "./upload-in-bucket.ts";
import { takeUploadLock } from "./upload-lock.ts";
import { UploadObjects } from "./upload-objects.ts";
import { sizeOf, type UploadBase, type UploadState } from "./upload-state.ts";

/** The parts of a store that its uploads use. */
export interface UploadsInBucketOptions extends UploadInBucketOptions {
  readonly bucket: S3Bucket;
  readonly conditions: ConditionalWrites;
}

const ID = /^[0-9a-f]{32}$/;

/** One request at a time for each upload, of whichever store of this process. */
const turns = new UploadTurns();

/** The uploads of a bucket, below their own prefix. */
export class UploadsInBucket implements UploadStore {
  readonly #options: UploadsInBucketOptions;

  constructor(options: UploadsInBucketOptions) {
    this.#options = options;
  }

  async create(id: string, description: string, { path }: CreateUploadOptions): Promise<StoredUpload> {
    this.#options.keys.object(path);
    return this.#create(id, { description, segments: [], published: false });
  }

  /** Makes an upload of what was staged: parts of a multipart upload, if there are any, and the rest. */
  async adopt(id: string, description: string, base: UploadBase | undefined, rest: Buffer): Promise<StoredUpload> {
    const segments = rest.length > 0 ? [await this.#objects(id).store(rest)] : [];
    return this.#create(id, { description, base, segments, published: false });
  }

  async open(id: string): Promise<StoredUpload | undefined> {
    if (!ID.test(id)) return undefined;
    const objects = this.#objects(id);
    const loaded = await objects.load();
    if (loaded === undefined) return undefined;
    return this.#upload(id, await this.#recovered(loaded.state), objects);
  }

  async *entries(): AsyncIterable<UploadEntry> {
    const { bucket, keys } = this.#options;
    for await (const { key } of bucket.keys(keys.uploads)) {
      const [id = "", name] = key.slice(keys.uploads.length).split("/");
      if (name !== "state") continue;
      const loaded = await this.#objects(id).load();
      if (loaded === undefined) continue;
      const { state, modified } = loaded;
      yield { id, description: state.description, size: sizeOf(state), modified };
    }
  }

  async take(id: string, onWanted: () => void): Promise<UploadTurn> {
    const { bucket, conditions, keys } = this.#options;
    const prefix = keys.upload(id);
    const end = await turns.take(`${bucket.name}/${prefix}`, onWanted);
    try {
      const lock = await takeUploadLock({ bucket, conditions, prefix, onWanted });
      return { release: () => lock.release().then(end, end) };
    } catch (error) {
      end();
      throw error;
    }
  }

  /** A bucket has no bound that could be asked for. */
  async free(): Promise<number> {
    return Number.POSITIVE_INFINITY;
  }

  async #create(id: string, state: UploadState): Promise<StoredUpload> {
    const objects = this.#objects(id);
    await objects.save(state);
    return this.#upload(id, state, objects);
  }

  /** A process may have been killed between the publication and what it would have written after it. */
  async #recovered(state: UploadState): Promise<UploadState> {
    const { published, publishing } = state;
    if (published || publishing === undefined) return state;
    const there = await this.#options.bucket.head(publishing.key);
    const isPublished = there?.Metadata?.["trailsum-id"] === publishing.id;
    return isPublished ? { ...state, base: undefined, segments: [], published: true } : state;
  }

  #objects(id: string): UploadObjects {
    const { bucket, keys, conditions } = this.#options;
    return new UploadObjects(bucket, keys, conditions, id);
  }

  #upload(id: string, state: UploadState, objects: UploadObjects): UploadInBucket {
    return new UploadInBucket(id, state, objects, this.#options);
  }
}
