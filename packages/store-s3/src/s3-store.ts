import type { S3Client } from "@aws-sdk/client-s3";
import type { Readable } from "node:stream";

import type {
  CommitCondition,
  ListEntry,
  ListOptions,
  OpenOptions,
  StagedObject,
  StageOptions,
  Store,
  StoredObject,
} from "@trailsum/server";
import { checkKeptFields } from "@trailsum/server/stores";
import { TrailsumError } from "@trailsum/shared";

import { S3Bucket } from "./bucket.ts";
import { ConditionalWrites } from "./conditional-writes.ts";
import { makeDirectory, removeDirectory } from "./directories.ts";
import { reclaimLeftOvers } from "./left-overs.ts";
import { listBucket } from "./listing.ts";
import { MultipartUploads } from "./multipart-uploads.ts";
import { ObjectInBucket } from "./object-in-bucket.ts";
import { partSizes } from "./part-sizes.ts";
import { Publication } from "./publication.ts";
import { isNamed, s3Error } from "./s3-errors.ts";
import { StagedInBucket } from "./staged-in-bucket.ts";
import { StoreKeys } from "./store-keys.ts";
import { UploadsInBucket } from "./uploads-in-bucket.ts";
import { Versions } from "./versions.ts";

/** Options of {@link createS3Store}. */
export interface S3StoreOptions {
  /** How the object storage is reached: endpoint, region, credentials, and how often a request is tried. */
  readonly client: S3Client;
  /** The bucket to keep objects in. It must exist. */
  readonly bucket: string;
  /**
   * What the keys begin with: the store sees nothing else of the bucket. A "/" is put after it.
   * @default "", the whole bucket
   */
  readonly prefix?: string | undefined;
  /**
   * The size in bytes of the parts of a multipart upload, at least 5 MiB on Amazon S3. Parts are larger for content of more
   * than 10,000 of them, or of an unknown size beyond 1,000.
   * @default 8388608, 8 MiB
   */
  readonly partSize?: number | undefined;
  /**
   * How many parts of one upload are sent at once. An upload takes the memory of so many parts and one more.
   * @default 2
   */
  readonly concurrency?: number | undefined;
  /**
   * How long one request may take, its retries included, until the store gives it up. Milliseconds.
   * @default 300000, five minutes
   */
  readonly timeout?: number | undefined;
  /**
   * From what age on, in milliseconds, something that no process uses is removed, such as a multipart upload that a crash left.
   * `Infinity` leaves it to a lifecycle rule of the bucket.
   * @default 86400000, a day
   */
  readonly reclaimAfter?: number | undefined;
}

const MIB = 1024 * 1024;
/** How much of an object is read when it is opened. A small one needs no second request. */
const BEGINNING = 128 * 1024;
const HOUR = 60 * 60 * 1000;

/**
 * A store that keeps objects in a bucket, under their own names below a prefix, where other software can read and add
 * objects. Its own objects begin with `.trailsum/` there.
 *
 * Content of up to one part is stored by one request after it was verified. Larger content is a multipart upload, which is
 * completed after it was verified and aborted otherwise: nothing is visible before. Digests are metadata of small objects, and
 * a separate object beside large objects. Any number of stores and processes may use one bucket without knowing of each
 * other; what killed ones leave is removed after `reclaimAfter`.
 *
 * Conditions are evaluated by the object storage where it can do that (Amazon S3 can), which is tried when one first matters.
 * Elsewhere they are evaluated just before the write: then writes of other processes in between are lost.
 * An object that is replaced while it is read fails to be read, unless it is small.
 *
 * Rejects with `NOT_FOUND` where the bucket does not exist, `FORBIDDEN` where the object storage refuses the credentials,
 * `USAGE` if there are no credentials, and `CONNECT_FAILED` where it cannot be reached.
 */
export async function createS3Store(options: S3StoreOptions): Promise<Store> {
  const { client, bucket: name, prefix = "", partSize = 8 * MIB, concurrency = 2 } = options;
  const { timeout = 300_000, reclaimAfter = 24 * HOUR } = options;
  for (const [option, value] of Object.entries({ partSize, concurrency, timeout })) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw new TrailsumError("USAGE", `${option} is not a positive whole number`);
  }
  if (!(reclaimAfter >= 0)) throw new TrailsumError("USAGE", "reclaimAfter is not a number of milliseconds");
  const bucket = new S3Bucket({ client, bucket: name, timeout });
  await bucket.check();
  return new S3Store(bucket, new StoreKeys(prefix), { partSize, concurrency, reclaimAfter });
}

type Settings = Readonly<Record<"partSize" | "concurrency" | "reclaimAfter", number>>;

class S3Store implements Store {
  readonly #bucket: S3Bucket;
  readonly #keys: StoreKeys;
  readonly #settings: Settings;
  readonly #versions: Versions;
  readonly #publication: Publication;
  readonly #multipartUploads: MultipartUploads;
  readonly uploads: UploadsInBucket;
  #reclaimed = 0;

  constructor(bucket: S3Bucket, keys: StoreKeys, settings: Settings) {
    this.#bucket = bucket;
    this.#keys = keys;
    this.#settings = settings;
    const conditions = new ConditionalWrites(bucket, keys);
    this.#versions = new Versions(bucket, keys);
    this.#publication = new Publication(bucket, keys, this.#versions, conditions);
    this.#multipartUploads = new MultipartUploads({ bucket, keys, ...settings });
    const { partSize } = settings;
    const [publication, multipartUploads] = [this.#publication, this.#multipartUploads];
    this.uploads = new UploadsInBucket({ bucket, keys, conditions, partSize, publication, multipartUploads });
    this.#reclaim();
  }

  async stage(path: string, { size, fields = [] }: StageOptions = {}): Promise<StagedObject> {
    checkKeptFields(fields);
    this.#reclaim();
    const { partSize, concurrency } = this.#settings;
    return new StagedInBucket({
      bucket: this.#bucket,
      key: this.#keys.object(path),
      fields,
      sizes: partSizes(partSize, size),
      concurrency,
      publication: this.#publication,
      multipartUploads: this.#multipartUploads,
      uploads: this.uploads,
    });
  }

  async open(path: string, { digest = false }: OpenOptions = {}): Promise<StoredObject | undefined> {
    const key = this.#keys.object(path);
    const opened = await this.#openKey(key);
    if (opened === undefined || !digest) return opened?.object;
    const version = await this.#versions.withDigest(opened.version);
    return new ObjectInBucket(this.#bucket, version, opened.beginning);
  }

  async remove(path: string, condition?: CommitCondition): Promise<boolean> {
    return this.#publication.remove(this.#keys.object(path), condition);
  }

  async list(directory: string, options: ListOptions = {}): Promise<AsyncIterable<ListEntry> | undefined> {
    const [bucket, keys, versions] = [this.#bucket, this.#keys, this.#versions];
    return listBucket({ bucket, keys, versions }, directory, options);
  }

  async makeDirectory(path: string): Promise<boolean> {
    return makeDirectory(this.#bucket, this.#keys, path);
  }

  async removeDirectory(path: string): Promise<boolean> {
    return removeDirectory(this.#bucket, this.#keys, path);
  }

  /** Reads the beginning, which says what there is to know of the object. */
  async #openKey(key: string) {
    const response = await this.#bucket.get(key, { start: 0, end: BEGINNING }).catch((error: unknown) => {
      // An object without bytes has no range that could be read.
      if (isNamed(error, "InvalidRange")) return "empty" as const;
      throw error;
    });
    if (response === undefined) return undefined;
    if (response === "empty") {
      const version = await this.#versions.current(key);
      const beginning = Buffer.alloc(0);
      return version && { version, beginning, object: new ObjectInBucket(this.#bucket, version, beginning) };
    }
    const beginning = await readAll(response.Body as Readable);
    const size = Number(/\/(\d+)$/.exec(response.ContentRange ?? "")?.[1] ?? beginning.length);
    const version = await this.#versions.describe(key, response, size);
    return { version, beginning, object: new ObjectInBucket(this.#bucket, version, beginning) };
  }

  /** Removes left-overs in the background, once an hour at most. */
  #reclaim(): void {
    const { reclaimAfter } = this.#settings;
    if (reclaimAfter === Number.POSITIVE_INFINITY || Date.now() - this.#reclaimed < Math.min(HOUR, reclaimAfter))
      return;
    this.#reclaimed = Date.now();
    const [bucket, keys, multipartUploads] = [this.#bucket, this.#keys, this.#multipartUploads];
    reclaimLeftOvers({ bucket, keys, multipartUploads, reclaimAfter }).catch(() => {});
  }
}

async function readAll(content: Readable): Promise<Buffer> {
  try {
    const pieces: Buffer[] = [];
    for await (const piece of content) pieces.push(piece as Buffer);
    return Buffer.concat(pieces);
  } catch (error) {
    throw s3Error(error);
  }
}
