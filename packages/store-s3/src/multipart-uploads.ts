import { createHash } from "node:crypto";

import type { S3Bucket, MultipartUpload, ObjectHeader } from "./bucket.ts";
import type { StoreKeys } from "./store-keys.ts";

/** What {@link MultipartUploads} needs. */
export interface MultipartUploadsOptions {
  readonly bucket: S3Bucket;
  readonly keys: StoreKeys;
  /** After how many milliseconds without a lease a multipart upload is a left-over. */
  readonly reclaimAfter: number;
}

/**
 * The multipart uploads that this process has begun. One that lasts long gets a lease, an object that is written again and
 * again: other processes take an old multipart upload without a new lease for what a crash left.
 */
export class MultipartUploads {
  readonly #bucket: S3Bucket;
  readonly #keys: StoreKeys;
  readonly #interval: number;
  readonly #leases = new Map<string, { readonly timer: NodeJS.Timeout; written: Promise<unknown> | undefined }>();

  constructor({ bucket, keys, reclaimAfter }: MultipartUploadsOptions) {
    this.#bucket = bucket;
    this.#keys = keys;
    this.#interval = Math.min(Math.max(reclaimAfter / 3, 1_000), 2 ** 31 - 1);
  }

  async begin(key: string, header: ObjectHeader): Promise<MultipartUpload> {
    const upload = await this.#bucket.begin(key, header);
    this.#leases.set(upload.uploadId, {
      timer: setInterval(() => this.#renew(upload), this.#interval).unref(),
      written: undefined,
    });
    return upload;
  }

  /** Whether this process uses it. */
  has({ uploadId }: MultipartUpload): boolean {
    return this.#leases.has(uploadId);
  }

  /** The multipart upload was completed, or another process is responsible for it. */
  end(upload: MultipartUpload): void {
    const lease = this.#leases.get(upload.uploadId);
    if (lease === undefined) return;
    clearInterval(lease.timer);
    this.#leases.delete(upload.uploadId);
    lease.written?.then(() => this.#bucket.remove(leaseOf(this.#keys, upload))).catch(() => {});
  }

  /** Gives it up. What cannot be removed now is removed with other left-overs. */
  async abort(upload: MultipartUpload): Promise<void> {
    await this.#bucket.abort(upload).catch(() => {});
    this.end(upload);
  }

  #renew(upload: MultipartUpload): void {
    const lease = this.#leases.get(upload.uploadId);
    if (lease === undefined) return;
    lease.written = this.#bucket.put(leaseOf(this.#keys, upload), Buffer.from(upload.key)).catch(() => {});
  }
}

/** The key of the lease of a multipart upload. */
export function leaseOf(keys: StoreKeys, { uploadId }: MultipartUpload): string {
  return keys.lease(createHash("sha256").update(uploadId).digest("hex").slice(0, 32));
}
