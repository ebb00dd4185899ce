import { createHash, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { type RunningTrailsum, startTrailsum, tempDir } from "@trailsum/testkit";
import { fauxqs, s3Environment, type S3Server } from "@trailsum/testkit/s3";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";

import { commandProcess } from "./support/command-process.ts";

const trailsum = commandProcess();

let s3: S3Server;
beforeAll(async () => {
  s3 = await fauxqs();
});
afterAll(() => s3.stop());

const sha256 = (text: string): string => createHash("sha256").update(text).digest("base64");

const serve = (prefix: string, flags: readonly string[] = []): Promise<RunningTrailsum> => {
  const location = ["serve", `s3://${s3.bucket}/${prefix}`, "--s3-endpoint", s3.endpoint, "--s3-region", s3.region];
  return startTrailsum([...location, "--port", "0", ...flags], { env: s3Environment(s3) });
};

describe("trailsum serve s3://bucket/prefix", () => {
  test("two processes serve one bucket: what one stores the other gives, and replaces", async () => {
    const [one, other] = await Promise.all([serve("shared"), serve("shared")]);
    const directory = await tempDir();
    const small = join(directory, "small");
    const large = join(directory, "large");
    await writeFile(small, "content\n");
    await writeFile(large, randomBytes(20_000_000));
    for (const file of [small, large]) {
      const stored = await trailsum(["upload", file, `${one.url}/a/`]);
      expect([stored.exitCode, stored.stderr]).toEqual([0, expect.any(String)]);
    }
    for (const name of ["small", "large"]) {
      const copy = join(directory, `${name}.copy`);
      const result = await trailsum(["download", `${other.url}/a/${name}`, "-o", copy, "--require", "verified"]);
      expect([result.exitCode, result.stderr]).toEqual([0, expect.any(String)]);
      expect((await readFile(copy)).equals(await readFile(join(directory, name)))).toBe(true);
    }
    const replaced = await fetch(`${other.url}/a/small`, {
      method: "PUT",
      body: "new",
      headers: { "Content-Digest": `sha-256=:${sha256("new")}:` },
    });
    expect(replaced.status).toBe(200);
    expect(await (await fetch(`${one.url}/a/small`)).text()).toBe("new");
    const missing = await fetch(`${one.url}/a/small`, { method: "DELETE" });
    expect(missing.status).toBe(204);
    expect((await fetch(`${other.url}/a/small`)).status).toBe(404);
  });

  test("what does not match its digest is not in the bucket", async () => {
    const { url } = await serve("refused");
    const client = new S3Client({ ...s3, forcePathStyle: true });
    const body = randomBytes(20_000_000);
    const headers = { "Content-Digest": `sha-256=:${sha256("other")}:` };
    expect((await fetch(`${url}/a`, { method: "PUT", body, headers })).status).toBe(400);
    const head = client.send(new HeadObjectCommand({ Bucket: s3.bucket, Key: "refused/a" }));
    await expect(head).rejects.toMatchObject({ name: "NotFound" });
    client.destroy();
  });

  test("S3 clients upload to a bucket with --s3, what is right in one request and in parts, and nothing else", async () => {
    const location = ["serve", `s3://${s3.bucket}/front`, "--s3-endpoint", s3.endpoint, "--s3-region", s3.region];
    const key = { accessKeyId: "me", secretAccessKey: "secret" };
    const env = { ...s3Environment(s3), TRAILSUM_S3_ACCESS_KEY_ID: "me", TRAILSUM_S3_SECRET_ACCESS_KEY: "secret" };
    const { url } = await startTrailsum([...location, "--port", "0", "--s3"], { env });
    const client = new S3Client({ endpoint: url, credentials: key, region: "us-east-1", forcePathStyle: true });
    onTestFinished(() => client.destroy());
    await client.send(new CreateBucketCommand({ Bucket: "photos" }));
    const body = randomBytes(6_000_000);
    const at = { Bucket: "photos", Key: "a/b" };
    await client.send(new PutObjectCommand({ ...at, Body: body }));
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...at, Key: "parts" }));
    const part = { ...at, Key: "parts", UploadId };
    const { ETag } = await client.send(new UploadPartCommand({ ...part, PartNumber: 1, Body: body }));
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
    await client.send(new CompleteMultipartUploadCommand({ ...part, MultipartUpload }));
    const wrong = new PutObjectCommand({
      ...at,
      Key: "wrong",
      Body: body,
      ContentMD5: Buffer.alloc(16).toString("base64"),
    });
    await expect(client.send(wrong)).rejects.toMatchObject({ name: "BadDigest" });
    for (const name of ["a/b", "parts"]) {
      const { Body } = await client.send(new GetObjectCommand({ ...at, Key: name }));
      expect(body.equals(await Body!.transformToByteArray())).toBe(true);
    }
    const { Contents } = await client.send(new ListObjectsV2Command({ Bucket: "photos" }));
    expect(Contents?.map(({ Key }) => Key)).toEqual(["a/b", "parts"]);
  });

  test.each([
    [["s3://no-such-bucket"], 4, "the bucket no-such-bucket does not exist: create it first"],
    [["s3://x"], 2, '"s3://x" does not name a bucket'],
    [["s3://bucket", "--s3-endpoint", "localhost:1"], 2, "is not a valid URL for --s3-endpoint"],
    [["s3://bucket", "--s3-endpoint", "http://127.0.0.1:1"], 3, "ECONNREFUSED"],
    [[".", "--s3-region", "eu-west-1"], 2, "are for a bucket: serve s3://bucket/prefix"],
  ])("%s ends with %i", async (args, exitCode, message) => {
    const where = args.includes("--s3-endpoint") || args[0] === "." ? [] : ["--s3-endpoint", s3.endpoint];
    const result = await trailsum(["serve", ...args, ...where], { env: s3Environment(s3) });
    expect([result.exitCode, result.stderr]).toEqual([exitCode, expect.stringContaining(message)]);
  });

  test("says what to install where the AWS SDK is not installed", async () => {
    const hook = `import { registerHooks } from "node:module";
      registerHooks({ resolve(specifier, context, next) {
        if (!specifier.startsWith("@aws-sdk/")) return next(specifier, context);
        throw Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" });
      } });`;
    const nodeArgs = ["--import", `data:text/javascript,${encodeURIComponent(hook)}`];
    const result = await trailsum(["serve", "s3://bucket"], { nodeArgs });
    expect([result.exitCode, result.stderr]).toEqual([2, expect.stringContaining("npm install @aws-sdk/client-s3")]);
  });
});
