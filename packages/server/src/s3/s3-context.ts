import { S3Error } from "@trailsum/s3";

import type { TrailsumError } from "@trailsum/shared";

import type { UploadExchange } from "../upload-exchange.ts";
import type { CorruptVersions } from "../stores/corrupt-versions.ts";
import type { Store, StoredObject } from "../stores/store.ts";
import type { MultipartUploads } from "./multipart/multipart-uploads.ts";
import type { ReceivedContent, ReceivingPolicy } from "./received-content.ts";
import type { BucketRequest, ObjectRequest, S3Request } from "./s3-request.ts";

/** What the operations of the S3 front work with. */
export interface S3Context {
  readonly store: Store;
  readonly uploads: MultipartUploads;
  readonly policy: ReceivingPolicy;
  /** The region that buckets are said to be in. */
  readonly region: string;
  /** Whether names that begin with a dot are served and listed. */
  readonly dotfiles: boolean;
  /** The versions that may not be delivered any more. */
  readonly corrupt: CorruptVersions;
  /** Logs and reports an object that was stored. */
  readonly reportStored: (
    request: ObjectRequest,
    stored: Pick<ReceivedContent, "verdict"> & { readonly created: boolean },
  ) => Promise<void>;
  /** Logs and reports a refusal. Returns the error to answer with; undefined if the client went away. */
  readonly recordRefusal: (request: UploadExchange, error: TrailsumError) => S3Error | undefined;
  /** Logs and reports an object that was removed. */
  readonly reportRemoved: (request: S3Request, path: string) => Promise<void>;
}

/** An operation on an object. */
export type ObjectOperation = (request: ObjectRequest, context: S3Context) => void | Promise<void>;

/** An operation on a bucket. */
export type BucketOperation = (request: BucketRequest, context: S3Context) => void | Promise<void>;

/** An operation on all buckets. */
export type ServiceOperation = (request: S3Request, context: S3Context) => void | Promise<void>;

/** Throws `NoSuchBucket` if the directory does not exist. */
export async function checkBucket({ bucket }: BucketRequest, { store }: S3Context): Promise<void> {
  if ((await store.list(bucket)) === undefined) throw new S3Error("NoSuchBucket");
}

/** The object of a request. Throws `NoSuchKey` or `NoSuchBucket` if it does not exist, or the error of one that is corrupt. */
export async function openObject(request: ObjectRequest, context: S3Context): Promise<StoredObject> {
  const { store, corrupt } = context;
  const object = await store.open(request.path);
  if (object === undefined) {
    await checkBucket(request, context);
    throw new S3Error("NoSuchKey");
  }
  try {
    corrupt.refuse(request.path, object);
    return object;
  } catch (error) {
    await object.close();
    throw error;
  }
}
