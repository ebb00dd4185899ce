import type { CommitOptions, Committed, StagedObject, StoredUpload } from "@trailsum/server";
import { type Digests, type FieldLine, TrailsumError } from "@trailsum/shared";

import type { S3Bucket } from "./bucket.ts";
import type { MultipartUploads } from "./multipart-uploads.ts";
import { newVersionId, recordedHeader } from "./object-header.ts";
import type { PartSizes } from "./part-sizes.ts";
import type { Publication } from "./publication.ts";
import { StagedContent } from "./staged-content.ts";
import type { UploadsInBucket } from "./uploads-in-bucket.ts";

/** What a staged object needs of its store. */
export interface StagedInBucketOptions {
  readonly bucket: S3Bucket;
  readonly key: string;
  readonly fields: readonly FieldLine[];
  readonly sizes: PartSizes;
  readonly concurrency: number;
  readonly publication: Publication;
  readonly multipartUploads: MultipartUploads;
  readonly uploads: UploadsInBucket;
}

/** An object that is being received: in memory up to one part, and else a multipart upload. */
export class StagedInBucket implements StagedObject {
  readonly content: StagedContent;
  readonly #options: StagedInBucketOptions;
  readonly #id = newVersionId();
  #state: "staged" | "moved" | "discarded" = "staged";

  constructor(options: StagedInBucketOptions) {
    this.#options = options;
    const { bucket, key, fields, sizes, concurrency, multipartUploads } = options;
    const begin = () => multipartUploads.begin(key, recordedHeader(this.#id, fields));
    this.content = new StagedContent({ bucket, sizes, concurrency, begin });
  }

  async commit(digests: Digests, { condition, verified = true }: CommitOptions = {}): Promise<Committed> {
    this.#checkStaged();
    try {
      const sent = await this.content.finish();
      const { last } = await this.content.rest();
      const size = sent?.parts.reduce((sum, part) => sum + part.size, 0) ?? last.length;
      if (size !== digests.size)
        throw new TrailsumError("INTERNAL", "the staged content does not have the size that was received");
      const { key, fields, publication, multipartUploads } = this.#options;
      const content = sent === undefined ? { id: this.#id, bytes: last } : { id: this.#id, ...sent };
      const record = { digests, fields, verified: verified ? new Date() : undefined };
      const committed = await publication.publish(key, content, record, condition);
      this.#state = "moved";
      if (sent !== undefined) multipartUploads.end(sent.upload);
      return committed;
    } finally {
      await this.discard();
    }
  }

  async keep(id: string, description: string): Promise<StoredUpload> {
    this.#checkStaged();
    try {
      const { last, sent } = await this.content.rest();
      const base = sent && { ...sent, id: this.#id };
      const upload = await this.#options.uploads.adopt(id, description, base, last);
      this.#state = "moved";
      if (sent !== undefined) this.#options.multipartUploads.end(sent.upload);
      return upload;
    } finally {
      await this.discard();
    }
  }

  async discard(): Promise<void> {
    if (this.#state === "discarded") return;
    const moved = this.#state === "moved";
    this.#state = "discarded";
    this.content.destroy();
    const upload = await this.content.settle();
    if (!moved && upload !== undefined) await this.#options.multipartUploads.abort(upload);
  }

  #checkStaged(): void {
    if (this.#state === "staged") return;
    throw new TrailsumError("INTERNAL", "the staged object was committed or discarded before");
  }
}
