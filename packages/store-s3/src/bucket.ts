import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadBucketCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";

import { createStreamDigester, TrailsumError } from "@trailsum/shared";

import { isAbsent, isNamed, s3Error, unusableBucket } from "./s3-errors.ts";

/** What a bucket has to know to be used. */
export interface BucketOptions {
  readonly client: S3Client;
  readonly bucket: string;
  /** Milliseconds for one request, its retries included. */
  readonly timeout: number;
}

/** The precondition on the object that a write replaces (RFC 9110 section 13.1): its entity tag, or that it does not exist. */
export type WriteCondition = { readonly ifMatch: string } | { readonly ifNoneMatch: "*" };

/** The fields and metadata of a new object. */
export type ObjectHeader = Pick<
  PutObjectCommandInput,
  "ContentType" | "ContentEncoding" | "ContentLanguage" | "ContentDisposition" | "Metadata"
>;

/** A part of a multipart upload that the bucket has received. */
export interface ReceivedPart {
  readonly number: number;
  readonly etag: string;
  readonly size: number;
}

/** A multipart upload that was not completed yet. */
export interface MultipartUpload {
  readonly key: string;
  readonly uploadId: string;
}

/** The bytes from `start` to before `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The requests that the store makes, with S3's errors as those of trailsum. Keys are whole keys. The name must not be
 * `Bucket`: TypeScript 7.0 would rename members of that name in object literals of the class as well.
 */
export class S3Bucket {
  readonly name: string;
  readonly #client: S3Client;
  readonly #timeout: number;

  constructor({ client, bucket, timeout }: BucketOptions) {
    this.#client = client;
    this.name = bucket;
    this.#timeout = timeout;
  }

  /** Throws if the bucket does not exist or may not be used. */
  async check(): Promise<void> {
    await this.#send((at, options) => this.#client.send(new HeadBucketCommand(at), options)).catch((error: unknown) => {
      throw unusableBucket(this.name, error);
    });
  }

  /** Returns the metadata of an object; undefined if it does not exist. */
  async head(key: string): Promise<HeadObjectCommandOutput | undefined> {
    return this.#send((at, options) => this.#client.send(new HeadObjectCommand({ ...at, Key: key }), options)).catch(
      absent,
    );
  }

  /** Reads a part of an object; undefined if it does not exist. Throws `InvalidRange` for an empty object. */
  async get(
    key: string,
    { start, end }: ByteRange,
    { ifMatch, signal }: { readonly ifMatch?: string | undefined; readonly signal?: AbortSignal } = {},
  ): Promise<GetObjectCommandOutput | undefined> {
    const input = { Key: key, Range: `bytes=${start}-${end - 1}`, IfMatch: ifMatch };
    return this.#send(
      (at, options) => this.#client.send(new GetObjectCommand({ ...at, ...input }), options),
      signal,
    ).catch(absent);
  }

  /** Reads a small object; undefined if it does not exist. */
  async read(
    key: string,
  ): Promise<{ readonly bytes: Buffer; readonly etag: string; readonly modified: Date } | undefined> {
    const object = await this.#send((at, options) =>
      this.#client.send(new GetObjectCommand({ ...at, Key: key }), options),
    ).catch(absent);
    if (object === undefined) return undefined;
    const bytes = Buffer.from(await this.#arrived(object.Body!.transformToByteArray()));
    return { bytes, etag: object.ETag ?? "", modified: object.LastModified ?? new Date() };
  }

  /** Stores an object in one step. Returns its entity tag. */
  async put(key: string, body: Buffer, header: ObjectHeader = {}, condition?: WriteCondition): Promise<string> {
    const input = { Key: key, Body: body, ...header, ...fieldsOf(condition), ChecksumAlgorithm: "CRC32" as const };
    const stored = await this.#send((at, options) =>
      this.#client.send(new PutObjectCommand({ ...at, ...input }), options),
    );
    await checkReceived(body, stored);
    return stored.ETag ?? "";
  }

  /** Removes an object, if it exists. */
  async remove(key: string, ifMatch?: string): Promise<void> {
    const input = { Key: key, IfMatch: ifMatch };
    await this.#send((at, options) => this.#client.send(new DeleteObjectCommand({ ...at, ...input }), options)).catch(
      absent,
    );
  }

  /** One page of keys, in the order of their bytes. */
  async list(input: {
    readonly Prefix: string;
    readonly Delimiter?: string;
    readonly StartAfter?: string | undefined;
    readonly ContinuationToken?: string | undefined;
    readonly MaxKeys?: number;
  }): Promise<ListObjectsV2CommandOutput> {
    return this.#send((at, options) => this.#client.send(new ListObjectsV2Command({ ...at, ...input }), options));
  }

  /** All keys that begin with a prefix, and when their objects were last changed. */
  async *keys(prefix: string): AsyncGenerator<{ readonly key: string; readonly modified: Date }> {
    for (let token: string | undefined, more = true; more; more = token !== undefined) {
      const page = await this.list({ Prefix: prefix, ContinuationToken: token });
      for (const { Key, LastModified } of page.Contents ?? [])
        if (Key !== undefined) yield { key: Key, modified: LastModified ?? new Date() };
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    }
  }

  /** Begins a multipart upload: nothing is visible until it is completed. */
  async begin(key: string, header: ObjectHeader): Promise<MultipartUpload> {
    const input = { Key: key, ...header, ChecksumAlgorithm: "CRC32" as const };
    const { UploadId } = await this.#send((at, options) =>
      this.#client.send(new CreateMultipartUploadCommand({ ...at, ...input }), options),
    );
    if (UploadId === undefined) throw new TrailsumError("UNAVAILABLE", "the object storage began no multipart upload");
    return { key, uploadId: UploadId };
  }

  /** Sends one part. Throws if the bucket received other bytes. */
  async sendPart(upload: MultipartUpload, number: number, body: Buffer): Promise<ReceivedPart> {
    const input = {
      Key: upload.key,
      UploadId: upload.uploadId,
      PartNumber: number,
      Body: body,
      ChecksumAlgorithm: "CRC32" as const,
    };
    const received = await this.#send((at, options) =>
      this.#client.send(new UploadPartCommand({ ...at, ...input }), options),
    );
    await checkReceived(body, received);
    return { number, etag: received.ETag ?? "", size: body.length };
  }

  /** Makes a part of an object that the bucket has already, without moving its bytes through here. */
  async copyPart(
    upload: MultipartUpload,
    number: number,
    source: { readonly key: string; readonly etag: string; readonly size: number },
  ): Promise<ReceivedPart> {
    const input = {
      Key: upload.key,
      UploadId: upload.uploadId,
      PartNumber: number,
      CopySource: `${this.name}/${encodeURIComponent(source.key).replaceAll("%2F", "/")}`,
      CopySourceIfMatch: source.etag,
    };
    const { CopyPartResult } = await this.#send((at, options) =>
      this.#client.send(new UploadPartCopyCommand({ ...at, ...input }), options),
    );
    const etag = CopyPartResult?.ETag ?? "";
    if (isMd5(etag) && isMd5(source.etag) && etag !== source.etag) throw otherBytes();
    return { number, etag, size: source.size };
  }

  /** Publishes the parts as one object. Returns its entity tag. */
  async complete(
    { key, uploadId }: MultipartUpload,
    parts: readonly ReceivedPart[],
    condition?: WriteCondition,
  ): Promise<string> {
    const MultipartUpload = { Parts: parts.map(({ number, etag }) => ({ PartNumber: number, ETag: etag })) };
    const input = { Key: key, UploadId: uploadId, MultipartUpload, ...fieldsOf(condition) };
    const { ETag } = await this.#send((at, options) =>
      this.#client.send(new CompleteMultipartUploadCommand({ ...at, ...input }), options),
    );
    return ETag ?? "";
  }

  /** Gives a multipart upload up, with its parts. */
  async abort({ key, uploadId }: MultipartUpload): Promise<void> {
    const input = { Key: key, UploadId: uploadId };
    await this.#send((at, options) =>
      this.#client.send(new AbortMultipartUploadCommand({ ...at, ...input }), options),
    ).catch(absent);
  }

  /** All multipart uploads of keys that begin with a prefix. */
  async *multipartUploads(prefix: string): AsyncGenerator<MultipartUpload & { readonly begun: Date }> {
    for (let marker: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {}; marker !== undefined;) {
      const input: { KeyMarker?: string; UploadIdMarker?: string } = marker;
      const page = await this.#send((at, options) =>
        this.#client.send(new ListMultipartUploadsCommand({ ...at, Prefix: prefix, ...input }), options),
      );
      for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
        if (Key?.startsWith(prefix) === true && UploadId !== undefined && Initiated !== undefined)
          yield { key: Key, uploadId: UploadId, begun: Initiated };
      }
      const { IsTruncated, NextKeyMarker, NextUploadIdMarker } = page;
      marker =
        IsTruncated === true && NextKeyMarker !== undefined
          ? { KeyMarker: NextKeyMarker, ...(NextUploadIdMarker && { UploadIdMarker: NextUploadIdMarker }) }
          : undefined;
    }
  }

  /** Makes one request, which a `signal` cancels, its response's content included. */
  async #send<T>(
    request: (at: { readonly Bucket: string }, options: { readonly abortSignal: AbortSignal }) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const controller = new AbortController();
    const cancel = (): void => controller.abort();
    signal?.addEventListener("abort", cancel, { once: true });
    if (signal?.aborted === true) cancel();
    let expired = false;
    const timer = setTimeout(() => {
      expired = true;
      controller.abort();
    }, this.#timeout);
    try {
      return await request({ Bucket: this.name }, { abortSignal: controller.signal });
    } catch (error) {
      throw s3Error(error, expired ? this.#timeout : undefined);
    } finally {
      clearTimeout(timer);
    }
  }

  async #arrived<T>(content: Promise<T>): Promise<T> {
    try {
      return await content;
    } catch (error) {
      throw s3Error(error);
    }
  }
}

function absent(error: unknown): undefined {
  if (!isAbsent(error) || isNamed(error, "NoSuchBucket")) throw error;
  return undefined;
}

function fieldsOf(condition: WriteCondition | undefined): { IfMatch?: string; IfNoneMatch?: string } {
  if (condition === undefined) return {};
  return "ifMatch" in condition ? { IfMatch: condition.ifMatch } : { IfNoneMatch: "*" };
}

/** Whether an entity tag may be an md5, as S3 gives it for what was sent in one request and is not encrypted by other keys. */
function isMd5(etag: string): boolean {
  return /^"?[0-9a-f]{32}"?$/.test(etag);
}

/** Compares what was sent with the entity tag of what was received. */
async function checkReceived(
  body: Buffer,
  {
    ETag = "",
    ServerSideEncryption,
    SSECustomerAlgorithm,
  }: {
    readonly ETag?: string | undefined;
    readonly ServerSideEncryption?: string | undefined;
    readonly SSECustomerAlgorithm?: string | undefined;
  },
): Promise<void> {
  if (!isMd5(ETag) || SSECustomerAlgorithm !== undefined || ServerSideEncryption?.startsWith("aws:") === true) return;
  if ((await md5Of(body)).toString("hex") !== ETag.replaceAll('"', "")) throw otherBytes();
}

/** The md5 of a part, which is hashed on another thread: others are sent meanwhile. */
async function md5Of(body: Buffer): Promise<Buffer> {
  const digester = await createStreamDigester(["md5"]);
  try {
    await digester.update(body);
    const { values } = await digester.digest();
    return values.get("md5")!;
  } finally {
    digester.close();
  }
}

function otherBytes(): TrailsumError {
  const message = "the object storage received other bytes than were sent: try again";
  return new TrailsumError("STORED_BYTES_DIFFER", message, { status: 503 });
}
