import { Readable } from "node:stream";

import type { Committed, ReadOptions, StoredUpload, UploadAppend, UploadCommitOptions } from "@trailsum/server";
import { checkKeptFields } from "@trailsum/server/stores";
import { TrailsumError } from "@trailsum/shared";

import type { MultipartUpload, ReceivedPart } from "./bucket.ts";
import type { MultipartUploads } from "./multipart-uploads.ts";
import { newVersionId, recordedHeader, type VersionRecord } from "./object-header.ts";
import { readRange } from "./object-reader.ts";
import { partSizes } from "./part-sizes.ts";
import type { NewContent, Publication } from "./publication.ts";
import { isNamed } from "./s3-errors.ts";
import { SegmentWriter } from "./segment-writer.ts";
import type { StoreKeys } from "./store-keys.ts";
import type { UploadObjects } from "./upload-objects.ts";
import { baseSize, sizeOf, type Segment, type UploadState } from "./upload-state.ts";

/** What an upload needs of its store. */
export interface UploadInBucketOptions {
  readonly keys: StoreKeys;
  readonly partSize: number;
  readonly publication: Publication;
  readonly multipartUploads: MultipartUploads;
}

/** An upload: each segment in its own object, and a state that names them. */
export class UploadInBucket implements StoredUpload {
  readonly id: string;
  readonly #objects: UploadObjects;
  readonly #options: UploadInBucketOptions;
  #state: UploadState;

  constructor(id: string, state: UploadState, objects: UploadObjects, options: UploadInBucketOptions) {
    this.id = id;
    this.#state = state;
    this.#objects = objects;
    this.#options = options;
  }

  get size(): number {
    return sizeOf(this.#state);
  }

  get description(): string {
    return this.#state.description;
  }

  get published(): boolean {
    return this.#state.published;
  }

  async append(): Promise<UploadAppend> {
    const { segments } = this.#state;
    const sizes = partSizes(this.#options.partSize);
    const last = segments.at(-1);
    // A segment that is too small for a part is written again, with what comes after it.
    const isSmall = last !== undefined && last.size < sizes(segments.length);
    const kept = isSmall ? segments.slice(0, -1) : segments;
    return new SegmentWriter({
      beginning: isSmall ? await this.#bytes([last]) : Buffer.alloc(0),
      size: this.size,
      capacity: (number) => sizes(kept.length + number),
      store: async (bytes, number) => {
        const before = this.#state.segments;
        const segment = await this.#objects.store(bytes);
        const next = [...before.slice(0, kept.length + number - 1), segment];
        await this.#save({ segments: next });
        await this.#objects.drop(before.filter((old) => !next.includes(old)));
      },
    });
  }

  async describe(description: string): Promise<void> {
    await this.#save({ description });
  }

  async truncate(size: number): Promise<void> {
    if (size >= this.size) return;
    const { base, segments } = this.#state;
    const ofBase = size === 0 ? undefined : base;
    if (size < baseSize(ofBase)) throw unreadable();
    const kept: Segment[] = [];
    let at = baseSize(ofBase);
    for (const segment of segments) {
      const rest = Math.min(segment.size, size - at);
      if (rest <= 0) break;
      kept.push(rest === segment.size ? segment : await this.#objects.store(await this.#bytes([segment], rest)));
      at += rest;
    }
    await this.#save({ base: ofBase, segments: kept });
    await this.#objects.drop(segments.filter((old) => !kept.includes(old)));
    if (base !== undefined && ofBase === undefined) await this.#options.multipartUploads.abort(base.upload);
  }

  read({ start = 0, end = this.size }: Omit<ReadOptions, "chunkSize"> = {}): Readable {
    const { base, segments } = this.#state;
    const first = baseSize(base);
    if (end > start && start < first) throw unreadable();
    return Readable.from(this.#pieces(segments, start - first, end - first), { objectMode: false });
  }

  async commit(
    path: string,
    { digests, fields = [], condition, verified = true }: UploadCommitOptions,
  ): Promise<Committed> {
    checkKeptFields(fields);
    if (digests.size !== this.size)
      throw new TrailsumError("INTERNAL", "the digests are those of content of another size");
    const { base, segments } = this.#state;
    const { keys, multipartUploads, publication, partSize } = this.#options;
    const key = keys.object(path);
    const id = base?.id ?? newVersionId();
    const record: VersionRecord = { digests, fields, verified: verified ? new Date() : undefined };
    await this.#save({ publishing: { key, id } });
    const isSmall = base === undefined && this.size <= partSize;
    const upload = isSmall
      ? undefined
      : (base?.upload ?? (await multipartUploads.begin(key, recordedHeader(id, fields))));
    let committed: Committed;
    try {
      const content: NewContent =
        upload === undefined
          ? { id, bytes: await this.#bytes(segments) }
          : { id, upload, parts: [...(base?.parts ?? []), ...(await this.#parts(upload, base?.parts.length ?? 0))] };
      committed = await publication.publish(key, content, record, condition);
      if (upload !== undefined) multipartUploads.end(upload);
    } catch (error) {
      if (upload !== undefined && base === undefined) await multipartUploads.abort(upload);
      throw error;
    }
    await this.#save({ base: undefined, segments: [], published: true });
    await this.#objects.drop(segments);
    return committed;
  }

  async discard(): Promise<void> {
    const { base, segments } = this.#state;
    await this.#objects.remove();
    await this.#objects.drop(segments);
    if (base !== undefined) await this.#options.multipartUploads.abort(base.upload);
  }

  async #save(changes: Partial<UploadState>): Promise<void> {
    const state = { ...this.#state, ...changes };
    await this.#objects.save(state);
    this.#state = state;
  }

  /** Makes parts of the segments: the bucket copies them, unless it cannot. */
  async #parts(upload: MultipartUpload, before: number): Promise<ReceivedPart[]> {
    const parts: ReceivedPart[] = [];
    for (const segment of this.#state.segments) {
      const number = before + parts.length + 1;
      parts.push(await this.#copied(upload, number, segment));
    }
    return parts;
  }

  async #copied(upload: MultipartUpload, number: number, segment: Segment): Promise<ReceivedPart> {
    const { bucket } = this.#objects;
    try {
      return await bucket.copyPart(upload, number, { ...segment, key: this.#objects.key(segment) });
    } catch (error) {
      if (!isNamed(error, "NotImplemented") && !isNamed(error, "MethodNotAllowed")) throw error;
      return bucket.sendPart(upload, number, await this.#bytes([segment]));
    }
  }

  async #bytes(segments: readonly Segment[], end: number = Number.POSITIVE_INFINITY): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of this.#pieces(segments, 0, end)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  async *#pieces(segments: readonly Segment[], start: number, end: number): AsyncGenerator<Buffer> {
    let at = 0;
    for (const segment of segments) {
      const range = { start: Math.max(0, start - at), end: Math.min(segment.size, end - at) };
      at += segment.size;
      if (range.start >= range.end) continue;
      const version = { key: this.#objects.key(segment), etag: segment.etag };
      for await (const piece of readRange(this.#objects.bucket, version, range)) yield piece as Buffer;
    }
  }
}

function unreadable(): TrailsumError {
  return new TrailsumError(
    "NOT_SUPPORTED",
    "the content cannot be read again before it is published: send a digest of an algorithm that was computed, or send it again",
  );
}
