import type { S3Bucket, MultipartUpload } from "./bucket.ts";
import { leaseOf, type MultipartUploads } from "./multipart-uploads.ts";
import { parseRecord } from "./object-header.ts";
import type { StoreKeys } from "./store-keys.ts";
import { parseState } from "./upload-state.ts";

/** What a {@link reclaimLeftOvers} needs. */
export interface LeftOversOptions {
  readonly bucket: S3Bucket;
  readonly keys: StoreKeys;
  readonly multipartUploads: MultipartUploads;
  /** From what age something that nothing uses is a left-over. Milliseconds. */
  readonly reclaimAfter: number;
}

/** Removes what processes that were killed have left in the bucket. */
export async function reclaimLeftOvers(options: LeftOversOptions): Promise<void> {
  const before = new Date(Date.now() - options.reclaimAfter);
  await reclaimMultipartUploads(options, before);
  await reclaimRecords(options, before);
  await reclaimSegments(options, before);
  await reclaimOwn(options, `${options.keys.own}conditions/`, before);
  await reclaimOwn(options, options.keys.lease(""), before);
}

/** Multipart uploads that no process uses, and no upload. */
async function reclaimMultipartUploads(options: LeftOversOptions, before: Date): Promise<void> {
  const { bucket, keys, multipartUploads } = options;
  let kept: ReadonlySet<string> | undefined;
  for await (const upload of bucket.multipartUploads(keys.prefix)) {
    if (upload.begun >= before || multipartUploads.has(upload)) continue;
    const lease = await bucket.head(leaseOf(keys, upload));
    if (lease?.LastModified !== undefined && lease.LastModified >= before) continue;
    kept ??= await basesOfUploads(options);
    if (!kept.has(upload.uploadId)) await bucket.abort(upload);
  }
}

/** The ids of the multipart uploads that hold the beginning of an upload. */
async function basesOfUploads({ bucket, keys }: LeftOversOptions): Promise<Set<string>> {
  const found = new Set<string>();
  for await (const { key } of bucket.keys(keys.uploads)) {
    if (!key.endsWith("/state")) continue;
    const stored = await bucket.read(key);
    const base: { readonly upload: MultipartUpload } | undefined = stored && parseState(stored.bytes)?.base;
    if (base !== undefined) found.add(base.upload.uploadId);
  }
  return found;
}

/** Records of versions that are not there, or not any more. */
async function reclaimRecords({ bucket, keys }: LeftOversOptions, before: Date): Promise<void> {
  for await (const { key, modified } of bucket.keys(keys.records)) {
    if (modified >= before) continue;
    const record = await bucket.read(key);
    const object = record && parseRecord(record.bytes)?.key;
    const there = object === undefined ? undefined : await bucket.head(object);
    if (keys.record(there?.Metadata?.["trailsum-id"] ?? "") !== key) await bucket.remove(key);
  }
}

/** Segments and locks of uploads that are gone. */
async function reclaimSegments({ bucket, keys }: LeftOversOptions, before: Date): Promise<void> {
  for await (const { key, modified } of bucket.keys(keys.uploads)) {
    if (modified >= before || key.endsWith("/state")) continue;
    const [id = "", name = ""] = key.slice(keys.uploads.length).split("/");
    const state = await bucket.read(`${keys.upload(id)}state`);
    const isNamed = state && parseState(state.bytes)?.segments.some((segment) => segment.name === name);
    if (isNamed !== true) await bucket.remove(key);
  }
}

async function reclaimOwn({ bucket }: LeftOversOptions, prefix: string, before: Date): Promise<void> {
  for await (const { key, modified } of bucket.keys(prefix)) if (modified < before) await bucket.remove(key);
}
