import { createHash, randomBytes } from "node:crypto";

import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { tempDir } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { createDirectoryStore, createMemoryStore, type Store } from "../../src/index.ts";
import { s3Client, s3Server } from "./peer.ts";

const part = 5 * 1024 * 1024;
const at = { Bucket: "bucket", Key: "a/key" };
const md5 = (bytes: Uint8Array): Buffer => createHash("md5").update(bytes).digest();

/** The entity tag of an object that was uploaded in these parts. */
const tagOf = (parts: readonly Uint8Array[]): string =>
  `"${md5(Buffer.concat(parts.map(md5))).toString("hex")}-${parts.length}"`;

async function unfinished(store: Store): Promise<number> {
  let number = 0;
  for await (const _ of store.uploads.entries()) number += 1;
  return number;
}

describe.each([
  ["memory", async () => createMemoryStore()],
  ["a directory", async () => createDirectoryStore({ directory: await tempDir() })],
] as const)("multipart uploads to %s", (_, create) => {
  async function begin() {
    const store = await create();
    await store.makeDirectory("bucket");
    const server = await s3Server({ store });
    return { ...server, store, client: s3Client(server.url) };
  }

  test("lib-storage uploads in parts, and everything about the object is that of S3", async () => {
    const { client, store } = await begin();
    const bytes = randomBytes(2 * part + 1000);
    const done = await new Upload({
      client,
      params: { ...at, Body: bytes, ContentType: "text/x" },
      partSize: part,
    }).done();
    const tag = tagOf([bytes.subarray(0, part), bytes.subarray(part, 2 * part), bytes.subarray(2 * part)]);
    expect(done).toMatchObject({ ETag: tag, ChecksumType: "COMPOSITE" });
    expect(done.ChecksumCRC32).toMatch(/^[\w+/]{6}==-3$/);
    const head = await client.send(new HeadObjectCommand({ ...at, ChecksumMode: "ENABLED" }));
    expect(head).toMatchObject({ ETag: tag, ChecksumCRC32: done.ChecksumCRC32, ContentType: "text/x" });
    const { Contents } = await client.send(new ListObjectsV2Command({ Bucket: "bucket" }));
    expect(Contents).toMatchObject([{ Key: "a/key", ETag: tag, Size: bytes.length }]);
    const got = await client.send(new GetObjectCommand({ ...at, IfMatch: tag }));
    expect(Buffer.from(await got.Body!.transformToByteArray()).equals(bytes)).toBe(true);
    const stored = (await store.open("bucket/a/key"))!;
    await stored.close();
    expect(stored.digests!.values.get("sha-256")).toEqual(createHash("sha256").update(bytes).digest());
    expect(stored.verified).toBeInstanceOf(Date);
    expect(await unfinished(store)).toBe(0);
  });

  test("parts come in any order and again, and are listed, and an abort leaves nothing", async () => {
    const { client, store } = await begin();
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...at, ChecksumAlgorithm: "SHA256" }));
    const upload = { ...at, UploadId };
    const put = (PartNumber: number, Body: string) =>
      client.send(new UploadPartCommand({ ...upload, PartNumber, Body, ChecksumAlgorithm: "SHA256" }));
    await put(7, "seven");
    await put(2, "zwei");
    await put(2, "two");
    const { Parts } = await client.send(new ListPartsCommand({ ...upload, MaxParts: 1 }));
    expect(Parts).toMatchObject([{ PartNumber: 2, Size: 3, ETag: `"${md5(Buffer.from("two")).toString("hex")}"` }]);
    expect(Parts![0]!.ChecksumSHA256).toBe(createHash("sha256").update("two").digest("base64"));
    const rest = await client.send(new ListPartsCommand({ ...upload, PartNumberMarker: "2" }));
    expect(rest.Parts?.map(({ PartNumber }) => PartNumber)).toEqual([7]);
    const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket: "bucket" }));
    expect(Uploads).toMatchObject([{ Key: "a/key", UploadId }]);
    expect(await store.open("bucket/a/key")).toBeUndefined();
    expect((await client.send(new ListObjectsV2Command({ Bucket: "bucket" }))).Contents).toBeUndefined();
    await client.send(new AbortMultipartUploadCommand(upload));
    expect(await unfinished(store)).toBe(0);
    await expect(put(1, "x")).rejects.toMatchObject({ name: "NoSuchUpload" });
    await expect(client.send(new AbortMultipartUploadCommand(upload))).rejects.toMatchObject({ name: "NoSuchUpload" });
  });

  test("an upload is completed from the parts that are named, and only from those that are there", async () => {
    const { client } = await begin();
    const kind = { ChecksumAlgorithm: "CRC32C", ChecksumType: "FULL_OBJECT" } as const;
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...at, ...kind }));
    const upload = { ...at, UploadId };
    const tags: (string | undefined)[] = [];
    for (const [index, Body] of ["hello ", "world"].entries()) {
      const sent = new UploadPartCommand({ ...upload, PartNumber: index + 1, Body, ChecksumAlgorithm: "CRC32C" });
      tags.push((await client.send(sent)).ETag);
    }
    const complete = (named: readonly (readonly [number, string | undefined])[], given = {}) => {
      const Parts = named.map(([PartNumber, ETag]) => ({ PartNumber, ETag }));
      return client.send(new CompleteMultipartUploadCommand({ ...upload, ...given, MultipartUpload: { Parts } }));
    };
    const [one, two] = tags;
    const right = [
      [1, one],
      [2, two],
    ] as const;
    await expect(
      complete([
        [2, two],
        [1, one],
      ]),
    ).rejects.toMatchObject({ name: "InvalidPartOrder" });
    await expect(
      complete([
        [1, one],
        [3, two],
      ]),
    ).rejects.toMatchObject({ name: "InvalidPart" });
    await expect(complete([[1, two]])).rejects.toMatchObject({ name: "InvalidPart" });
    await expect(complete(right, { ChecksumCRC32C: "AAAAAA==" })).rejects.toMatchObject({ name: "BadDigest" });
    await expect(complete(right, { MpuObjectSize: 12 })).rejects.toMatchObject({ name: "InvalidRequest" });
    const done = await complete(right, { ChecksumCRC32C: "yZRlqg==" });
    expect(done).toMatchObject({ ChecksumCRC32C: "yZRlqg==", ChecksumType: "FULL_OBJECT" });
    // The client that lost this answer asks again.
    expect((await complete(right)).ETag).toBe(done.ETag);
    const head = await client.send(new HeadObjectCommand({ ...at, ChecksumMode: "ENABLED" }));
    expect(head).toMatchObject({
      ContentLength: 11,
      ChecksumCRC32C: "yZRlqg==",
      ETag: tagOf([Buffer.from("hello "), Buffer.from("world")]),
    });
  });

  test("a part that is changed in the store is found before anything is published", async () => {
    const { client, store } = await begin();
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(at));
    const { ETag } = await client.send(new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: "hello" }));
    for await (const { id, size } of store.uploads.entries()) {
      if (size === 0) continue;
      const stored = (await store.uploads.open(id))!;
      await stored.truncate(4);
      const append = await stored.append();
      await new Promise((resolve) => append.end("p", () => resolve(undefined)));
    }
    const named = { ...at, UploadId, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } };
    await expect(client.send(new CompleteMultipartUploadCommand(named))).rejects.toMatchObject({ name: "InvalidPart" });
    expect(await store.open("bucket/a/key")).toBeUndefined();
  });

  test("objects are copied, whole and as parts, and deleted together", async () => {
    const { client } = await begin();
    await client.send(
      new PutObjectCommand({ ...at, Body: "hello world", ContentType: "text/x", Metadata: { a: "1" } }),
    );
    const CopySource = "bucket/a%2Fkey";
    await client.send(new CopyObjectCommand({ Bucket: "bucket", Key: "b", CopySource }));
    expect(await client.send(new HeadObjectCommand({ Bucket: "bucket", Key: "b" }))).toMatchObject({
      ContentType: "text/x",
      Metadata: { a: "1" },
      ETag: `"${md5(Buffer.from("hello world")).toString("hex")}"`,
    });
    const replaced = { Bucket: "bucket", Key: "b", MetadataDirective: "REPLACE", Metadata: { b: "2" } } as const;
    await client.send(new CopyObjectCommand({ ...replaced, CopySource: "/bucket/b" }));
    const head = await client.send(new HeadObjectCommand({ Bucket: "bucket", Key: "b" }));
    expect(head.Metadata).toEqual({ b: "2" });
    await expect(client.send(new CopyObjectCommand({ ...at, CopySource }))).rejects.toMatchObject({
      name: "InvalidRequest",
    });
    const other = { ...at, CopySource, CopySourceIfMatch: '"x"', Key: "c" };
    await expect(client.send(new CopyObjectCommand(other))).rejects.toMatchObject({ name: "PreconditionFailed" });
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket: "bucket", Key: "c" }));
    const upload = { Bucket: "bucket", Key: "c", UploadId };
    const ranged = { ...upload, PartNumber: 1, CopySource, CopySourceRange: "bytes=6-10" };
    const { CopyPartResult } = await client.send(new UploadPartCopyCommand(ranged));
    const Parts = [{ PartNumber: 1, ETag: CopyPartResult?.ETag }];
    await client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }));
    const got = await client.send(new GetObjectCommand({ Bucket: "bucket", Key: "c" }));
    expect(await got.Body!.transformToString()).toBe("world");
    const Objects = ["a/key", "b", "nothing", "c"].map((Key) => ({ Key }));
    const { Deleted } = await client.send(new DeleteObjectsCommand({ Bucket: "bucket", Delete: { Objects } }));
    expect(Deleted?.map(({ Key }) => Key)).toEqual(["a/key", "b", "nothing", "c"]);
    expect((await client.send(new ListObjectsV2Command({ Bucket: "bucket" }))).Contents).toBeUndefined();
  });
});

test("unfinished uploads are limited in number and bytes, and expire", async () => {
  const store = createMemoryStore();
  await store.makeDirectory("bucket");
  const limits = { maxUploads: 2, maxUploadBytes: 10, uploadExpiry: 200 };
  const { url } = await s3Server({ store, ...limits });
  const client = s3Client(url);
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(at));
  await client.send(new CreateMultipartUploadCommand(at));
  await expect(client.send(new CreateMultipartUploadCommand(at))).rejects.toMatchObject({ name: "SlowDown" });
  const big = new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: "hello world" });
  await expect(client.send(big)).rejects.toMatchObject({ name: "InsufficientStorage" });
  await expect.poll(() => unfinished(store)).toBe(0);
  await client.send(new CreateMultipartUploadCommand(at));
});
