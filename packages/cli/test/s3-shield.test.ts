import { execFile, spawnSync } from "node:child_process";
import { createHash, randomBytes, randomInt } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { crc32 } from "node:zlib";

import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { createProxyServer, type ProxyServerOptions } from "@trailsum/proxy";
import { createMemoryStore, createUploadServer } from "@trailsum/server";
import { rawClient, startTrailsum, tempDir, trailsum } from "@trailsum/testkit";
import { certificate } from "@trailsum/testkit/certificate";
import { fauxqs, type RequestToSign, s3Credentials, signedRequest } from "@trailsum/testkit/s3";
import { describe, expect, onTestFinished, test } from "vitest";

/** How many corrupted uploads are tried, and as many clean ones. */
const UPLOADS = Number(process.env["TRAILSUM_SHIELD_UPLOADS"] ?? 40);

function client(endpoint: string): S3Client {
  const s3 = new S3Client({
    endpoint,
    credentials: s3Credentials,
    region: "us-east-1",
    forcePathStyle: true,
    maxAttempts: 1,
  });
  onTestFinished(() => s3.destroy());
  return s3;
}

/** A shield in front of a store. */
async function shield(target: string, options: Partial<ProxyServerOptions["s3Verify"]> = {}) {
  const proxy = createProxyServer({ target, listen: { port: 0 }, s3Verify: { ...s3Credentials, ...options } });
  const { url, port } = await proxy.listen();
  onTestFinished(() => proxy.close({ graceMs: 0 }));
  return { url, port };
}

/** A store that checks nothing of what it is sent. */
async function store() {
  const server = await fauxqs();
  onTestFinished(() => server.stop());
  return { endpoint: server.endpoint, bucket: server.bucket };
}

const base64 = (algorithm: string, bytes: Buffer): string => createHash(algorithm).update(bytes).digest("base64");
const crc = (bytes: Buffer): string => {
  const value = Buffer.alloc(4);
  value.writeUInt32BE(crc32(bytes));
  return value.toString("base64");
};

/** A request as bytes, with where its content begins. */
interface Wire {
  readonly bytes: Buffer;
  readonly contentAt: number;
}

const KINDS = ["unsigned trailer", "signed trailer", "signed chunks", "crc32 header", "md5 header", "sha256"] as const;
type Kind = (typeof KINDS)[number];

/** fauxqs fails without one for an empty object. */
const TYPE = { "content-type": "application/octet-stream" };

/** An upload as some client sends it. */
function wire(kind: Kind, request: Pick<RequestToSign, "path" | "query">, content: Buffer): Wire {
  const length = (bytes: number): string[] => [`Content-Length: ${bytes}`, "Connection: close"];
  const framing = { "content-encoding": "aws-chunked", "x-amz-decoded-content-length": String(content.length) };
  const announced = { "x-amz-trailer": "x-amz-checksum-crc32" };
  const line = `x-amz-checksum-crc32:${crc(content)}`;
  const half = Math.ceil(content.length / 2);
  const pieces = [content.subarray(0, half), content.subarray(half)].filter(({ length: size }) => size > 0);
  const signed = (fields: Record<string, string>, payload: string, body: Buffer): Wire => {
    const head = signedRequest({ ...request, payload, fields: { ...TYPE, ...fields }, unsigned: length(body.length) });
    return { bytes: Buffer.concat([head.bytes, body]), contentAt: head.bytes.length };
  };
  switch (kind) {
    case "unsigned trailer": {
      const chunks = pieces.map((piece) =>
        Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n")]),
      );
      const body = Buffer.concat([...chunks, Buffer.from(`0\r\n${line}\r\n\r\n`)]);
      return signed({ ...framing, ...announced }, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", body);
    }
    case "signed trailer":
    case "signed chunks": {
      const trailing = kind === "signed trailer";
      const payload = `STREAMING-AWS4-HMAC-SHA256-PAYLOAD${trailing ? "-TRAILER" : ""}`;
      const fields = trailing ? { ...framing, ...announced } : framing;
      const of = (size: number) =>
        signedRequest({ ...request, payload, fields: { ...TYPE, ...fields }, unsigned: length(size) });
      const bodyOf = ({ chunk, trailer }: ReturnType<typeof signedRequest>): Buffer => {
        const chunks = [...pieces, Buffer.alloc(0)].map((piece) => chunk(piece));
        const end = trailing ? `${line}\r\nx-amz-trailer-signature:${trailer(`${line}\n`)}\r\n\r\n` : "\r\n";
        return Buffer.concat([...chunks, Buffer.from(end)]);
      };
      const head = of(bodyOf(of(0)).length);
      return { bytes: Buffer.concat([head.bytes, bodyOf(head)]), contentAt: head.bytes.length };
    }
    case "crc32 header":
      return signed({ "x-amz-checksum-crc32": crc(content) }, "UNSIGNED-PAYLOAD", content);
    case "md5 header":
      return signed({ "content-md5": base64("md5", content) }, "UNSIGNED-PAYLOAD", content);
    case "sha256":
      return signed({}, createHash("sha256").update(content).digest("hex"), content);
  }
}

/** Sends bytes on a connection of their own. Returns the status and the error code; 0 if the connection was cut. */
async function send(port: number, { bytes }: Pick<Wire, "bytes">): Promise<{ status: number; code?: string }> {
  const connection = await rawClient(port);
  void connection.write(bytes).catch(() => {});
  const answer = (await connection.readToEnd().catch(() => Buffer.alloc(0))).toString();
  connection.destroy();
  const [, code] = /<Code>(.*?)<\/Code>/.exec(answer) ?? [];
  return { status: Number(/^HTTP\/1\.1 (\d{3})/m.exec(answer)?.[1] ?? 0), ...(code !== undefined && { code }) };
}

async function stored(s3: S3Client, Bucket: string, Key: string): Promise<Buffer | undefined> {
  try {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key, ChecksumMode: undefined }));
    return Buffer.from(await Body!.transformToByteArray());
  } catch {
    return undefined;
  }
}

/** Flips one bit of the content or of its framing. */
function flipped({ bytes, contentAt }: Wire): Buffer {
  const changed = Buffer.from(bytes);
  const at = randomInt(contentAt, bytes.length);
  // oxlint-disable-next-line no-bitwise -- a bit is flipped
  changed[at]! ^= 1 << randomInt(8);
  return changed;
}

test(`of ${UPLOADS} corrupted objects and parts none reaches the store, and all clean ones do`, async () => {
  const { endpoint, bucket } = await store();
  const { port } = await shield(endpoint);
  const behind = client(endpoint);
  const outcome = { refused: 0, harmless: 0, corruptAccepted: 0, cleanStored: 0, cleanLost: 0 };
  const upload = async (at: number): Promise<void> => {
    const kind = KINDS[at % KINDS.length]!;
    const content = randomBytes(randomInt(1, 100_000));
    const clean = wire(kind, { path: `/${bucket}/clean-${at}` }, content);
    const isClean = (await send(port, clean)).status === 200;
    const kept = isClean ? await stored(behind, bucket, `clean-${at}`) : undefined;
    outcome[kept?.equals(content) === true ? "cleanStored" : "cleanLost"] += 1;

    const corrupt = at % 5 === 0 ? await corruptPart(at, content) : await corruptObject(at, kind, content);
    outcome[corrupt] += 1;
  };
  const corruptObject = async (at: number, kind: Kind, content: Buffer) => {
    await send(port, { bytes: flipped(wire(kind, { path: `/${bucket}/corrupt-${at}` }, content)) });
    const object = await stored(behind, bucket, `corrupt-${at}`);
    if (object === undefined) return "refused";
    return object.equals(content) ? "harmless" : "corruptAccepted";
  };
  /** A part that has reached the store can be a part of an object. */
  const corruptPart = async (at: number, content: Buffer) => {
    const target = { Bucket: bucket, Key: `parts-${at}` };
    const { UploadId } = await behind.send(new CreateMultipartUploadCommand(target));
    const query = `partNumber=1&uploadId=${UploadId}`;
    const part = wire(KINDS[3 + (at % 3)]!, { path: `/${bucket}/parts-${at}`, query }, content);
    const bytes = flipped(part);
    const { status } = await send(port, { bytes });
    const ETag = createHash("md5").update(bytes.subarray(part.contentAt)).digest("hex");
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
    const completion = new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload });
    const isThere = await behind.send(completion).then(
      () => true,
      () => false,
    );
    return isThere || status === 200 ? "corruptAccepted" : "refused";
  };
  for (let at = 0; at < UPLOADS; at += 1) await upload(at);
  if (process.env["TRAILSUM_SHIELD_UPLOADS"] !== undefined) process.stderr.write(`${JSON.stringify(outcome)}\n`);
  expect(outcome).toMatchObject({ corruptAccepted: 0, cleanStored: UPLOADS, cleanLost: 0 });
  // Bits of the case of hexadecimal digits mean nothing.
  expect(outcome.refused).toBeGreaterThan(UPLOADS * 0.9);
}, 600_000);

describe("the answer to an upload whose content is not what its client says", () => {
  const content = Buffer.from("the content of an object");
  test.each<[Kind, string]>([
    ["unsigned trailer", "BadDigest"],
    ["signed trailer", "SignatureDoesNotMatch"],
    ["signed chunks", "SignatureDoesNotMatch"],
    ["crc32 header", "BadDigest"],
    ["md5 header", "BadDigest"],
    ["sha256", "XAmzContentSHA256Mismatch"],
  ])("by its %s is %s, and an empty object is not an exception", async (kind, code) => {
    const { endpoint, bucket } = await store();
    const { port } = await shield(endpoint);
    const { bytes } = wire(kind, { path: `/${bucket}/a` }, content);
    const text = bytes.toString("latin1").replace("of an", "0f an");
    expect(await send(port, { bytes: Buffer.from(text, "latin1") })).toMatchObject({ code });
    expect(await stored(client(endpoint), bucket, "a")).toBeUndefined();
    const empty = wire(kind, { path: `/${bucket}/empty` }, Buffer.alloc(0));
    expect(await send(port, empty)).toEqual({ status: 200 });
    expect(await stored(client(endpoint), bucket, "empty")).toEqual(Buffer.alloc(0));
  });

  test("is an error where a trailer of an empty object differs", async () => {
    const { endpoint, bucket } = await store();
    const { port } = await shield(endpoint);
    const { bytes } = wire("unsigned trailer", { path: `/${bucket}/empty` }, Buffer.alloc(0));
    const text = bytes.toString("latin1").replace("crc32:AAAAAA==", "crc32:AAAAAQ==");
    expect(await send(port, { bytes: Buffer.from(text, "latin1") })).toEqual({ status: 400, code: "BadDigest" });
    expect(await stored(client(endpoint), bucket, "empty")).toBeUndefined();
  });

  test("is an error for content with nothing to verify it by, unless that is allowed", async () => {
    const { endpoint, bucket } = await store();
    const bare = signedRequest({ path: `/${bucket}/a`, unsigned: ["Content-Length: 5", "Connection: close"] });
    const bytes = Buffer.concat([bare.bytes, Buffer.from("hello")]);
    const strict = await send((await shield(endpoint)).port, { bytes });
    expect(strict).toEqual({ status: 400, code: "InvalidRequest" });
    expect(await send((await shield(endpoint, { allowUnverified: true })).port, { bytes })).toEqual({ status: 200 });
  });
});

test.each<[string, Partial<RequestToSign>, string]>([
  ["with another secret", { secret: "another" }, "SignatureDoesNotMatch"],
  ["long ago", { time: new Date(Date.now() - 3_600_000) }, "RequestTimeTooSkewed"],
])("a request that is signed %s is refused and never forwarded", async (_how, change, code) => {
  const { endpoint, bucket } = await store();
  const { port } = await shield(endpoint);
  const fields = { "content-md5": base64("md5", Buffer.from("hello")) };
  const { bytes } = signedRequest({
    path: `/${bucket}/a`,
    fields,
    unsigned: ["Content-Length: 5", "Connection: close"],
    ...change,
  });
  expect(await send(port, { bytes: Buffer.concat([bytes, Buffer.from("hello")]) })).toEqual({ status: 403, code });
  const anonymous = `GET /${bucket}/a HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n`;
  expect(await send(port, { bytes: Buffer.from(anonymous) })).toEqual({ status: 403, code: "AccessDenied" });
});

/** What is signed again is checked here by a server that verifies signatures. */
async function verifyingStore() {
  const memory = createMemoryStore();
  await memory.makeDirectory("bucket");
  const server = createUploadServer({
    store: memory,
    listen: { port: 0 },
    s3: { credentials: [s3Credentials] },
    allowUnverified: true,
  });
  onTestFinished(() => server.close({ graceMs: 0 }));
  return { endpoint: (await server.listen()).url, bucket: "bucket" };
}

test.each([
  ["a store that checks nothing", store],
  ["a store that checks signatures", verifyingStore],
])("the AWS SDK works through a shield in front of %s", async (_which, start) => {
  const { endpoint, bucket: Bucket } = await start();
  const { url } = await shield(endpoint);
  const s3 = client(url);
  const bytes = randomBytes(200_000);
  await s3.send(new PutObjectCommand({ Bucket, Key: "a b+c/é", Body: bytes, Metadata: { name: "value" } }));
  await s3.send(
    new PutObjectCommand({ Bucket, Key: "stream", Body: Readable.from([bytes]), ContentLength: bytes.length }),
  );
  const Key = "parts";
  const whole = { ChecksumAlgorithm: "CRC32", ChecksumType: "FULL_OBJECT" } as const;
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ...whole }));
  const Parts = [];
  const pieces = [randomBytes(5 * 1024 * 1024), Buffer.from("last")];
  for (const [at, Body] of pieces.entries()) {
    const PartNumber = at + 1;
    const part = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }));
    Parts.push({ PartNumber, ETag: part.ETag, ChecksumCRC32: part.ChecksumCRC32 });
  }
  const ofWhole = { ChecksumCRC32: crc(Buffer.concat(pieces)), ChecksumType: "FULL_OBJECT" } as const;
  const MultipartUpload = { Parts };
  await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload, ...ofWhole }));
  await s3.send(new CopyObjectCommand({ Bucket, Key: "copy", CopySource: `${Bucket}/stream` }));
  const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket, MaxKeys: 10, Prefix: "" }));
  expect(Contents?.map(({ Key: key }) => key).toSorted()).toEqual(["a b+c/é", "copy", "parts", "stream"]);
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key: "a b+c/é" }));
  expect([head.ContentLength, head.Metadata]).toEqual([bytes.length, { name: "value" }]);
  for (const key of ["a b+c/é", "stream", "copy"]) expect((await stored(s3, Bucket, key))?.equals(bytes)).toBe(true);
  const Objects = [{ Key: "copy" }, { Key: "stream" }];
  await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  expect(await stored(s3, Bucket, "copy")).toBeUndefined();
});

/** Over TLS boto3 sends what it uploads as aws-chunked with a trailer, in chunks, and waits for a 100. */
const BOTO = `
import boto3, os, sys
from botocore.config import Config
from boto3.s3.transfer import TransferConfig
config = Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"})
s3 = boto3.client("s3", endpoint_url=sys.argv[1], verify=sys.argv[2], config=config)
bucket = sys.argv[3]
s3.put_object(Bucket=bucket, Key="small", Body=b"small", ChecksumAlgorithm="CRC32")
open("large", "wb").write(os.urandom(6 * 1024 * 1024))
s3.upload_file("large", bucket, "large", ExtraArgs={"ChecksumAlgorithm": "CRC32"}, Config=TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20))
s3.download_file(bucket, "large", "received")
assert open("large", "rb").read() == open("received", "rb").read()
url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "small"})
import ssl, urllib.request
print(urllib.request.urlopen(url, context=ssl.create_default_context(cafile=sys.argv[2])).read().decode())
`;
const hasBoto = spawnSync("/usr/bin/python3", ["-c", "import boto3"]).status === 0;

test.skipIf(!hasBoto)("boto3 works through a shield over TLS, with trailers, parts and a presigned URL", async () => {
  const { endpoint, bucket } = await verifyingStore();
  const { cert, key } = await certificate();
  const proxy = createProxyServer({
    target: endpoint,
    listen: { port: 0 },
    tls: { cert, key },
    s3Verify: s3Credentials,
  });
  onTestFinished(() => proxy.close({ graceMs: 0 }));
  const { port } = await proxy.listen();
  const cwd = await tempDir();
  await writeFile(join(cwd, "cert.pem"), cert);
  const environment = {
    PATH: process.env["PATH"],
    HOME: cwd,
    AWS_ACCESS_KEY_ID: s3Credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3Credentials.secretAccessKey,
    AWS_DEFAULT_REGION: "eu-central-1",
  };
  const args = ["-c", BOTO, `https://localhost:${port}`, "cert.pem", bucket];
  const { stdout } = await promisify(execFile)("/usr/bin/python3", args, { cwd, env: environment });
  expect(stdout).toBe("small\n");
});

test("trailsum proxy --s3-verify is a shield, with the key in its environment", async () => {
  const { endpoint, bucket } = await store();
  const env = {
    TRAILSUM_S3_ACCESS_KEY_ID: s3Credentials.accessKeyId,
    TRAILSUM_S3_SECRET_ACCESS_KEY: s3Credentials.secretAccessKey,
  };
  const { url } = await startTrailsum(["proxy", endpoint, "--s3-verify", "--port", "0"], { env });
  const port = Number(new URL(url).port);
  const upload = wire("unsigned trailer", { path: `/${bucket}/a` }, Buffer.from("content"));
  expect(await send(port, upload)).toEqual({ status: 200 });
  const wrong = Buffer.from(upload.bytes.toString("latin1").replace("4\r\ncont", "4\r\nc0nt"), "latin1");
  expect(await send(port, { bytes: wrong })).toEqual({ status: 400, code: "BadDigest" });
  const { exitCode, stderr } = await trailsum(["proxy", endpoint, "--s3-verify", "--port", "0"]);
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining("--s3-verify needs TRAILSUM_S3_ACCESS_KEY_ID")]);
  const without = await trailsum(["proxy", endpoint, "--allow-unverified", "--port", "0"]);
  expect([without.exitCode, without.stderr]).toEqual([2, expect.stringContaining("without --s3-verify")]);
});

test("a shield and keys for message signatures exclude each other", () => {
  const options = { target: "http://127.0.0.1:1", s3Verify: s3Credentials, signatureKeys: [] };
  expect(() => createProxyServer(options)).toThrow(expect.objectContaining({ code: "USAGE" }));
});
