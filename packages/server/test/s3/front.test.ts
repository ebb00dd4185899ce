import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";

import { GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { flippingRelay } from "@trailsum/testkit";
import { s3Credentials, signedQuery } from "@trailsum/testkit/s3";
import { expect, test } from "vitest";

import { createMemoryStore, createUploadServer } from "../../src/index.ts";
import { readObject } from "../peer.ts";
import { s3Client, s3Server } from "./peer.ts";

/** How large an object lib-storage uploads in parts. Bytes. */
const LARGE = Number(process.env["TRAILSUM_S3_UPLOAD"] ?? 12 * 1024 * 1024);

async function bucket(options: Parameters<typeof s3Server>[0] = {}) {
  const server = await s3Server(options);
  await server.store.makeDirectory("bucket");
  return server;
}

const at = { Bucket: "bucket", Key: "key" };

test(`lib-storage uploads a stream of ${LARGE} bytes, which comes back as it was`, async () => {
  const { url, store } = await bucket();
  const content = randomBytes(LARGE);
  const pieces = Array.from({ length: Math.ceil(LARGE / 65_536) }, (_, index) =>
    content.subarray(index * 65_536, (index + 1) * 65_536),
  );
  const upload = new Upload({ client: s3Client(url), params: { ...at, Body: Readable.from(pieces) } });
  await upload.done();
  expect((await readObject(store, "bucket/key"))?.equals(content)).toBe(true);
});

test.each([
  ["a buffer", () => Buffer.from("the marker of this content")],
  ["a stream", () => Readable.from([Buffer.from("the marker of this content")])],
])("the JS SDK is refused if a bit of %s is flipped on the way", async (_what, body) => {
  const { port, store } = await bucket();
  const relay = await flippingRelay(port, "marker");
  const put = new PutObjectCommand({ ...at, Body: body(), ContentLength: 26 });
  await expect(s3Client(`http://127.0.0.1:${relay}`).send(put)).rejects.toMatchObject({
    name: expect.stringMatching(/^(?:BadDigest|XAmzContentSHA256Mismatch)$/),
  });
  expect(await store.open("bucket/key")).toBeUndefined();
});

test("a quota bounds what is stored, in one request and in parts", async () => {
  const { url } = await bucket({ store: createMemoryStore(), quota: 100 });
  const client = s3Client(url);
  await client.send(new PutObjectCommand({ ...at, Body: Buffer.alloc(60) }));
  const over = new PutObjectCommand({ ...at, Key: "other", Body: Buffer.alloc(41) });
  await expect(client.send(over)).rejects.toMatchObject({ name: "InsufficientStorage" });
  await client.send(new PutObjectCommand({ ...at, Key: "other", Body: Buffer.alloc(40) }));
  const { Body } = await client.send(new GetObjectCommand(at));
  expect(await Body?.transformToByteArray()).toHaveLength(60);
});

test("a presigned URL is all that it takes to upload and to download, for as long as it says", async () => {
  const { url, store } = await bucket();
  const { host } = new URL(url);
  const presigned = (method: string, query: Parameters<typeof signedQuery>[0]["expires"], age = 0): string =>
    `${url}${signedQuery({ method, path: "/bucket/key", host, expires: query, time: new Date(Date.now() - age * 1_000) })}`;
  const body = "hello world";
  const headers = { "Content-MD5": "XrY7u+Ae7tCTyyK7j1rNww==" };
  expect((await fetch(presigned("PUT", 60), { method: "PUT", body, headers })).status).toBe(200);
  expect(await readObject(store, "bucket/key")).toEqual(Buffer.from(body));
  expect(await (await fetch(presigned("GET", 60))).text()).toBe(body);
  const late = await fetch(presigned("GET", 60, 61));
  expect([late.status, await late.text()]).toEqual([403, expect.stringContaining("Request has expired")]);
  expect((await fetch(presigned("GET", 60), { method: "PUT", body, headers })).status).toBe(403);
  expect((await fetch(`${presigned("GET", 60)}0`)).status).toBeGreaterThanOrEqual(400);
});

test("keys for message signatures are refused: S3 has signatures of its own", () => {
  const options = { store: createMemoryStore(), s3: { credentials: [s3Credentials] }, signatureKeys: [] };
  expect(() => createUploadServer(options)).toThrow(expect.objectContaining({ code: "USAGE" }));
});
