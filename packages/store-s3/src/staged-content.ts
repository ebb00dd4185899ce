import { Writable } from "node:stream";

import { TrailsumError } from "@trailsum/shared";

import type { S3Bucket, MultipartUpload, ReceivedPart } from "./bucket.ts";
import { PartBuffer } from "./part-buffer.ts";
import type { PartSizes } from "./part-sizes.ts";

/** What a {@link StagedContent} needs. */
export interface StagedContentOptions {
  readonly bucket: S3Bucket;
  readonly sizes: PartSizes;
  /** How many parts are sent at once. */
  readonly concurrency: number;
  /** Begins the multipart upload. Called when there is more than one part. */
  readonly begin: () => Promise<MultipartUpload>;
}

/**
 * Takes content, and sends it as the parts of a multipart upload while it comes. The last part stays in memory until
 * {@link finish} or {@link rest}: content of at most one part is stored by one request, with its digests.
 */
export class StagedContent extends Writable {
  readonly #options: StagedContentOptions;
  readonly #sending = new Set<Promise<void>>();
  readonly #parts: ReceivedPart[] = [];
  /** The memory of parts that the bucket has received, for the next ones. */
  readonly #unused: Buffer[] = [];
  #upload: Promise<MultipartUpload> | undefined;
  #buffer: PartBuffer;
  #number = 1;

  constructor(options: StagedContentOptions) {
    super();
    this.#options = options;
    this.#buffer = new PartBuffer(options.sizes(1));
  }

  /** The last part, and what was sent before it. The content must have finished. */
  async rest(): Promise<{
    readonly last: Buffer;
    readonly sent: { readonly upload: MultipartUpload; readonly parts: readonly ReceivedPart[] } | undefined;
  }> {
    const upload = await this.#upload;
    const parts = this.#parts.toSorted((one, other) => one.number - other.number);
    return { last: this.#buffer.bytes, sent: upload && { upload, parts } };
  }

  /** Sends the last part. Undefined if there is only one, which is not sent. */
  async finish(): Promise<{ readonly upload: MultipartUpload; readonly parts: readonly ReceivedPart[] } | undefined> {
    const { last, sent } = await this.rest();
    if (sent === undefined) return undefined;
    const part = await this.#options.bucket.sendPart(sent.upload, this.#number, last);
    return { upload: sent.upload, parts: [...sent.parts, part] };
  }

  /** The multipart upload, once nothing more is sent to it; undefined for content of one part. */
  async settle(): Promise<MultipartUpload | undefined> {
    await Promise.allSettled(this.#sending);
    return this.#upload?.catch(() => undefined);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#take(chunk).then(
      () => done(),
      (error: unknown) => done(TrailsumError.from(error)),
    );
  }

  override _final(done: (error?: Error | null) => void): void {
    Promise.all(this.#sending).then(
      () => done(),
      (error: unknown) => done(TrailsumError.from(error)),
    );
  }

  async #take(chunk: Buffer): Promise<void> {
    for (let rest = chunk; rest.length > 0;) {
      // A full part is sent when something comes after it, so that there is a last one.
      if (this.#buffer.full) await this.#send();
      rest = rest.subarray(this.#buffer.fill(rest));
    }
  }

  /** Begins to send the part that is full, when few enough others are being sent. */
  async #send(): Promise<void> {
    const { sizes, concurrency, bucket } = this.#options;
    while (this.#sending.size >= concurrency) await Promise.race(this.#sending);
    if (this.destroyed) throw new TrailsumError("ABORTED", "the staged object was discarded");
    const number = this.#number;
    const { bytes } = this.#buffer;
    this.#number += 1;
    this.#buffer = new PartBuffer(sizes(this.#number), this.#unused.pop());
    this.#upload ??= this.#options.begin();
    const sending = this.#upload
      .then((upload) => bucket.sendPart(upload, number, bytes))
      .then((part) => {
        this.#parts.push(part);
        this.#unused.push(bytes);
        this.#sending.delete(sending);
      });
    this.#sending.add(sending);
    sending.catch((error: unknown) => this.destroy(TrailsumError.from(error)));
  }
}
