import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";

import {
  type ChecksumAlgorithm,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketLocationCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { expect, test } from "vitest";

import { put } from "../store-contract.ts";
import { s3Client, s3Server } from "./peer.ts";

const content = Buffer.from("hello world");

async function bucket() {
  const server = await s3Server();
  await server.store.makeDirectory("bucket");
  return { ...server, client: s3Client(server.url) };
}

test("buckets are made, found, listed and deleted by the SDK", async () => {
  const { url, store } = await s3Server();
  const client = s3Client(url);
  await client.send(new CreateBucketCommand({ Bucket: "one" }));
  await client.send(new HeadBucketCommand({ Bucket: "one" }));
  await expect(client.send(new HeadBucketCommand({ Bucket: "two" }))).rejects.toMatchObject({ name: "NotFound" });
  expect(await client.send(new GetBucketLocationCommand({ Bucket: "one" }))).not.toHaveProperty("LocationConstraint");
  await expect(client.send(new CreateBucketCommand({ Bucket: "one" }))).rejects.toMatchObject({
    name: "BucketAlreadyOwnedByYou",
  });
  await expect(client.send(new CreateBucketCommand({ Bucket: "No_Bucket" }))).rejects.toMatchObject({
    name: "InvalidBucketName",
  });
  const { Buckets = [] } = await client.send(new ListBucketsCommand());
  expect(Buckets.map(({ Name }) => Name)).toEqual(["one"]);
  await put(store, "one/a/b", content);
  await expect(client.send(new DeleteBucketCommand({ Bucket: "one" }))).rejects.toMatchObject({
    name: "BucketNotEmpty",
  });
  await client.send(new DeleteObjectCommand({ Bucket: "one", Key: "a/b" }));
  await client.send(new DeleteBucketCommand({ Bucket: "one" }));
  await expect(client.send(new DeleteBucketCommand({ Bucket: "one" }))).rejects.toMatchObject({ name: "NoSuchBucket" });
});

test.each(["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] as const)(
  "the SDK puts a buffer and a stream with %s, and gets it back with the checksum",
  async (algorithm: ChecksumAlgorithm) => {
    const { client, store } = await bucket();
    const bytes = randomBytes(100_000);
    const at = { Bucket: "bucket", ChecksumAlgorithm: algorithm, ContentLength: bytes.length };
    const one = await client.send(new PutObjectCommand({ ...at, Key: "buffer", Body: bytes }));
    const two = await client.send(new PutObjectCommand({ ...at, Key: "stream", Body: Readable.from([bytes]) }));
    const md5 = createHash("md5").update(bytes).digest("hex");
    for (const answer of [one, two]) {
      expect(answer).toMatchObject({ ETag: `"${md5}"`, ChecksumType: "FULL_OBJECT" });
      expect(answer[`Checksum${algorithm}` as keyof typeof answer]).toMatch(/^[\w+/]+=*$/);
    }
    const got = await client.send(new GetObjectCommand({ Bucket: "bucket", Key: "stream", ChecksumMode: "ENABLED" }));
    expect(got[`Checksum${algorithm}` as keyof typeof got]).toBe(two[`Checksum${algorithm}` as keyof typeof two]);
    expect(Buffer.from(await got.Body!.transformToByteArray()).equals(bytes)).toBe(true);
    const stored = (await store.open("bucket/stream"))!;
    expect(stored.verified).toBeInstanceOf(Date);
    await stored.close();
  },
);

test("what describes an object is kept, and its ranges and conditions are those of S3", async () => {
  const { client } = await bucket();
  const at = { Bucket: "bucket", Key: "a b/ü+%.txt" };
  const { ETag } = await client.send(
    new PutObjectCommand({
      ...at,
      Body: content,
      ContentType: "text/plain",
      ContentEncoding: "gzip",
      ContentDisposition: "attachment",
      CacheControl: "no-store",
      Metadata: { colour: "blue" },
    }),
  );
  const described = { ContentType: "text/plain", ContentEncoding: "gzip", CacheControl: "no-store", ETag };
  const head = await client.send(new HeadObjectCommand(at));
  expect(head).toMatchObject({ ...described, ContentLength: 11, Metadata: { colour: "blue" } });
  const range = await client.send(new GetObjectCommand({ ...at, Range: "bytes=6-" }));
  expect(range).toMatchObject({ ContentRange: "bytes 6-10/11", ContentLength: 5 });
  expect(await range.Body!.transformToString()).toBe("world");
  await expect(client.send(new GetObjectCommand({ ...at, Range: "bytes=11-" }))).rejects.toMatchObject({
    name: "InvalidRange",
  });
  await expect(client.send(new GetObjectCommand({ ...at, IfNoneMatch: ETag }))).rejects.toMatchObject({
    $metadata: { httpStatusCode: 304 },
  });
  await expect(client.send(new PutObjectCommand({ ...at, Body: "x", IfNoneMatch: "*" }))).rejects.toMatchObject({
    name: "PreconditionFailed",
  });
  await client.send(new PutObjectCommand({ ...at, Body: "x", IfMatch: ETag }));
  await expect(client.send(new DeleteObjectCommand({ ...at, IfMatch: ETag }))).rejects.toMatchObject({
    name: "PreconditionFailed",
  });
  await client.send(new DeleteObjectCommand(at));
  await client.send(new DeleteObjectCommand(at));
  await expect(client.send(new GetObjectCommand(at))).rejects.toMatchObject({ name: "NoSuchKey" });
  await expect(client.send(new GetObjectCommand({ ...at, Bucket: "other" }))).rejects.toMatchObject({
    name: "NoSuchBucket",
  });
  await expect(client.send(new PutObjectCommand({ ...at, Bucket: "other", Body: "" }))).rejects.toMatchObject({
    name: "NoSuchBucket",
  });
});

test("both versions of lists give all keys and groups, page by page", async () => {
  const { client, store } = await bucket();
  const keys = ["a", "b/c", "b/d/e", "b-f", "g h", "ü", "z/1", "z/2"];
  for (const key of keys) await put(store, `bucket/${key}`, content);
  await put(store, "bucket/.hidden", content);
  const sorted = keys.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));

  async function list(query: { Prefix?: string; Delimiter?: string; MaxKeys?: number }): Promise<string[]> {
    const found: string[] = [];
    for (let token: string | undefined, more = true; more;) {
      const page = await client.send(
        new ListObjectsV2Command({ Bucket: "bucket", ContinuationToken: token, ...query }),
      );
      const { Contents = [], CommonPrefixes = [], NextContinuationToken, IsTruncated } = page;
      found.push(...Contents.map(({ Key }) => Key!), ...CommonPrefixes.map(({ Prefix }) => Prefix!));
      token = NextContinuationToken;
      more = IsTruncated === true;
      expect(page.KeyCount).toBe(Contents.length + CommonPrefixes.length);
    }
    return found;
  }
  for (const MaxKeys of [1, 2, 1000]) {
    expect(await list({ MaxKeys })).toEqual(sorted);
    expect((await list({ MaxKeys, Delimiter: "/" })).toSorted()).toEqual(["a", "b-f", "b/", "g h", "z/", "ü"]);
    expect(await list({ MaxKeys, Prefix: "b/" })).toEqual(["b/c", "b/d/e"]);
    expect((await list({ MaxKeys, Prefix: "b", Delimiter: "/" })).toSorted()).toEqual(["b-f", "b/"]);
    expect(await list({ MaxKeys, Prefix: "b/", Delimiter: "/" })).toEqual(["b/c", "b/d/"]);
    expect((await list({ MaxKeys, Delimiter: "-" })).toSorted()).toEqual([
      "a",
      "b-",
      "b/c",
      "b/d/e",
      "g h",
      "z/1",
      "z/2",
      "ü",
    ]);
  }
  const first = await client.send(new ListObjectsCommand({ Bucket: "bucket", MaxKeys: 2, EncodingType: "url" }));
  const second = await client.send(new ListObjectsCommand({ Bucket: "bucket", Marker: first.NextMarker }));
  expect([...first.Contents!, ...second.Contents!].map(({ Key }) => Key)).toEqual(sorted);
  expect(first.Contents![0]).toMatchObject({ Size: 11, ETag: `"${createHash("md5").update(content).digest("hex")}"` });
});

test("a bucket is emptied by its versions, of which each object has one", async () => {
  const { client, store } = await bucket();
  for (const key of ["a", "b/c", "b/d"]) {
    // oxlint-disable-next-line no-await-in-loop -- one store
    await put(store, `bucket/${key}`, content);
  }
  const first = await client.send(new ListObjectVersionsCommand({ Bucket: "bucket", MaxKeys: 2 }));
  expect(first).toMatchObject({ IsTruncated: true, NextKeyMarker: "b/c", NextVersionIdMarker: "null" });
  expect(first.Versions).toMatchObject([
    { Key: "a", VersionId: "null", IsLatest: true, Size: content.length },
    { Key: "b/c", VersionId: "null", IsLatest: true },
  ]);
  const next = { KeyMarker: first.NextKeyMarker, VersionIdMarker: first.NextVersionIdMarker };
  const second = await client.send(new ListObjectVersionsCommand({ Bucket: "bucket", ...next }));
  expect(second.Versions?.map(({ Key }) => Key)).toEqual(["b/d"]);
  const grouped = await client.send(new ListObjectVersionsCommand({ Bucket: "bucket", Delimiter: "/" }));
  expect(grouped.CommonPrefixes).toEqual([{ Prefix: "b/" }]);

  const one = { Bucket: "bucket", Key: "a" };
  await expect(client.send(new DeleteObjectCommand({ ...one, VersionId: "1" }))).rejects.toThrow("version id");
  expect((await client.send(new HeadObjectCommand({ ...one, VersionId: "null" }))).ContentLength).toBe(content.length);
  await client.send(new DeleteObjectCommand({ ...one, VersionId: "null" }));
  const Objects = ["b/c", "b/d"].map((Key) => ({ Key, VersionId: "null" }));
  await client.send(new DeleteObjectsCommand({ Bucket: "bucket", Delete: { Objects } }));
  expect((await client.send(new ListObjectVersionsCommand({ Bucket: "bucket" }))).Versions).toBeUndefined();
});

test("a prefix that no key can have finds nothing", async () => {
  const { client, store } = await bucket();
  await put(store, "bucket/a/b", content);
  for (const Prefix of ["/", "a//", "//a"]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    expect((await client.send(new ListObjectsV2Command({ Bucket: "bucket", Prefix }))).KeyCount).toBe(0);
  }
});

test("buckets are listed in pages and by prefix", async () => {
  const { client, store } = await bucket();
  for (const name of ["a", "a-b", "c"]) {
    // oxlint-disable-next-line no-await-in-loop -- one store
    await store.makeDirectory(name);
  }
  const names: (string | undefined)[] = [];
  let token: string | undefined;
  do {
    // oxlint-disable-next-line no-await-in-loop -- each page names the next
    const page = await client.send(new ListBucketsCommand({ MaxBuckets: 2, ContinuationToken: token }));
    names.push(...(page.Buckets ?? []).map(({ Name }) => Name));
    token = page.ContinuationToken;
  } while (token !== undefined);
  expect(new Set(names)).toEqual(new Set(["a", "a-b", "bucket", "c"]));
  expect((await client.send(new ListBucketsCommand({ Prefix: "a" }))).Buckets).toHaveLength(2);
});

test("the attributes of an object are what is known of it", async () => {
  const { client } = await bucket();
  const at = { Bucket: "bucket", Key: "a" };
  await client.send(new PutObjectCommand({ ...at, Body: content, ChecksumAlgorithm: "SHA256" }));
  const asked = { ObjectAttributes: ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"] as const };
  const answer = await client.send(
    new GetObjectAttributesCommand({ ...at, ObjectAttributes: [...asked.ObjectAttributes] }),
  );
  expect(answer).toMatchObject({
    ETag: createHash("md5").update(content).digest("hex"),
    Checksum: { ChecksumSHA256: createHash("sha256").update(content).digest("base64"), ChecksumType: "FULL_OBJECT" },
    StorageClass: "STANDARD",
    ObjectSize: content.length,
  });
  expect(answer.ObjectParts).toBeUndefined();
  await expect(
    client.send(new GetObjectAttributesCommand({ ...at, Key: "b", ObjectAttributes: ["ETag"] })),
  ).rejects.toMatchObject({ name: "NoSuchKey", $metadata: { requestId: expect.stringMatching(/^[0-9A-F]{16}$/) } });
});

test("a write on the condition that the object is there fails with 404 where it is not", async () => {
  const { client, store } = await bucket();
  const at = { Bucket: "bucket", Key: "a", Body: content };
  await expect(client.send(new PutObjectCommand({ ...at, IfMatch: '"x"' }))).rejects.toMatchObject({
    name: "NoSuchKey",
  });
  await put(store, "bucket/a", content);
  await expect(client.send(new PutObjectCommand({ ...at, IfMatch: '"x"' }))).rejects.toMatchObject({
    name: "PreconditionFailed",
  });
});
