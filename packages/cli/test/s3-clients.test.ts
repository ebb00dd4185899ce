import { execFile, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { flippingRelay, startTrailsum, tempDir } from "@trailsum/testkit";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";

import { s3Options } from "../src/flags/s3-flags.ts";

const key = { id: "AKTEST", secret: "secretsecret" };
const settings = { TRAILSUM_S3_ACCESS_KEY_ID: key.id, TRAILSUM_S3_SECRET_ACCESS_KEY: key.secret };

const md5 = (text: string, encoding: "hex" | "base64"): string => createHash("md5").update(text).digest(encoding);
const content = "the marker of this content\n";

/** What the clients find in their environment. */
const environment = {
  PATH: process.env["PATH"],
  AWS_ACCESS_KEY_ID: key.id,
  AWS_SECRET_ACCESS_KEY: key.secret,
  AWS_DEFAULT_REGION: "us-east-1",
  AWS_EC2_METADATA_DISABLED: "true",
  AWS_MAX_ATTEMPTS: "1",
};

/** Uploads to the first address, which is to be refused, and to the second; then downloads. */
const BOTO = `
import boto3, sys
from botocore.config import Config
from botocore.exceptions import ClientError
def client(url):
    config = Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"})
    return boto3.client("s3", endpoint_url=url, config=config)
content = open("sent", "rb").read()
try:
    client(sys.argv[1]).put_object(Bucket="bucket", Key="boto3", Body=content)
    sys.exit("not refused")
except ClientError as error: print(error.response["Error"]["Code"])
s3 = client(sys.argv[2])
s3.put_object(Bucket="bucket", Key="boto3", Body=content)
open("received", "wb").write(s3.get_object(Bucket="bucket", Key="boto3")["Body"].read())
`;

const s3cmd = (url: string): string =>
  `s3cmd --config=/dev/null --access_key=${key.id} --secret_key=${key.secret} --no-ssl --region=us-east-1 ` +
  `--host=${url.slice(7)} --host-bucket=${url.slice(7)} --quiet`;
const rclone = (url: string): string =>
  "rclone --config /dev/null --retries 1 --low-level-retries 1 --s3-provider Other --s3-env-auth " +
  `--s3-endpoint ${url} --s3-region us-east-1`;

/** One server for all clients; each has a key of its own. */
const directory = await mkdtemp(join(tmpdir(), "trailsum-test-"));
await mkdir(join(directory, "bucket"));
const stops: (() => Promise<void>)[] = [];
const server = startTrailsum(["serve", directory, "--s3", "--s3-anonymous-read", "--port", "0"], {
  env: settings,
  atEnd: (kill) => void stops.push(kill),
});
afterAll(async () => {
  await Promise.all(stops.map(async (stop) => stop()));
  await rm(directory, { recursive: true });
});

async function run(command: string, cwd: string): Promise<string> {
  return (await promisify(execFile)("/bin/sh", ["-c", command], { cwd, env: { ...environment, HOME: cwd } })).stdout;
}

/** A directory with a file to send, the server's address, and that of a relay to it that flips a bit of the file. */
async function prepare() {
  const { url } = await server;
  const cwd = await tempDir();
  await writeFile(join(cwd, "sent"), content);
  const relay = await flippingRelay(Number(new URL(url).port), "marker");
  return { cwd, url, flipping: `http://127.0.0.1:${relay}` };
}

const hasBoto = spawnSync("/usr/bin/python3", ["-c", "import boto3"]).status === 0;

test.skipIf(!hasBoto)("boto3 uploads and downloads, and is refused if a bit is flipped on the way", async () => {
  const { cwd, url, flipping } = await prepare();
  const code = await run(`/usr/bin/python3 -c '${BOTO}' ${flipping} ${url}`, cwd);
  expect(code).toMatch(/^(?:XAmzContentSHA256Mismatch|BadDigest)\n$/);
  expect(await readFile(join(directory, "bucket/boto3"), "utf8")).toBe(content);
  expect(await readFile(join(cwd, "received"), "utf8")).toBe(content);
});

test.skipIf(!existsSync("/usr/bin/aws"))("aws-cli is refused if a bit is flipped on the way", async () => {
  const { cwd, flipping } = await prepare();
  const command = `/usr/bin/aws --endpoint-url ${flipping} s3 cp sent s3://bucket/aws`;
  await expect(run(command, cwd)).rejects.toThrow(/BadDigest|XAmzContentSHA256Mismatch/);
  expect(existsSync(join(directory, "bucket/aws"))).toBe(false);
});

describe.each([
  {
    name: "rclone",
    put: (url: string) => `${rclone(url)} copyto sent :s3:bucket/rclone`,
    get: (url: string) => `${rclone(url)} copyto :s3:bucket/rclone received`,
  },
  {
    name: "s3cmd",
    put: (url: string) => `${s3cmd(url)} put sent s3://bucket/s3cmd`,
    get: (url: string) => `${s3cmd(url)} get s3://bucket/s3cmd received`,
  },
])("$name", ({ name, put, get }) => {
  const present = existsSync(`/usr/bin/${name}`);
  test.skipIf(!present)("uploads and downloads, and is refused if a bit is flipped on the way", async () => {
    const { cwd, url, flipping } = await prepare();
    const stored = join(directory, "bucket", name);
    await expect(run(put(flipping), cwd)).rejects.toThrow("Command failed");
    expect(existsSync(stored)).toBe(false);
    await run(`${put(url)} && ${get(url)}`, cwd);
    expect(await readFile(stored, "utf8")).toBe(content);
    expect(await readFile(join(cwd, "received"), "utf8")).toBe(content);
  });
});

test.skipIf(!existsSync("/usr/bin/restic"))("restic backs up, checks and restores", async () => {
  const { cwd, url } = await prepare();
  const restic = `RESTIC_PASSWORD=x RESTIC_REPOSITORY=s3:${url}/backups restic --no-cache -q`;
  await run(`${restic} init && ${restic} backup sent && ${restic} check && ${restic} restore latest --target out`, cwd);
  expect(await readFile(join(cwd, "out/sent"), "utf8")).toBe(content);
});

test.skipIf(!existsSync("/usr/bin/restic"))("restic is refused if a bit is flipped on the way", async () => {
  const { cwd, url } = await prepare();
  // It signs chunks. What it sends is encrypted but for its keys, which are JSON.
  const relay = await flippingRelay(Number(new URL(url).port), '"kdf"');
  const RESTIC_REPOSITORY = `s3:http://127.0.0.1:${relay}/flipped`;
  const env = { ...environment, HOME: cwd, RESTIC_PASSWORD: "x", RESTIC_REPOSITORY };
  // It tries again for minutes, and measures how fast the machine is before it makes a key.
  const restic = spawn("/usr/bin/restic", ["--no-cache", "init"], { cwd, env, stdio: "ignore" });
  onTestFinished(() => void restic.kill());
  const { stderr } = await server;
  await expect.poll(() => stderr(), { timeout: 100_000 }).toMatch(/\/flipped\/keys\/.* does not match the signature/);
  expect(existsSync(join(directory, "flipped/keys"))).toBe(false);
});

const hasFuse = existsSync("/usr/bin/s3fs") && existsSync("/dev/fuse") && process.getuid?.() === 0;

test.skipIf(!hasFuse)("s3fs writes files, and is refused if a bit is flipped on the way", async () => {
  const { cwd, url, flipping } = await prepare();
  const mount = async (from: string): Promise<string> => {
    const to = await mkdtemp(join(cwd, "mount-"));
    const options = `url=${from},use_path_request_style,sigv4,retries=1`;
    await run(`s3fs bucket ${to} -o ${options}`, cwd);
    unmounts.push(() => run(`umount -l ${to}`, cwd));
    return to;
  };
  const unmounts: (() => Promise<string>)[] = [];
  onTestFinished(async () => void (await Promise.all(unmounts.map((unmount) => unmount()))));
  const stored = (name: string): Promise<string> => readFile(join(directory, "bucket", name), "utf8").catch(() => "");
  await expect(run(`cp sent ${await mount(flipping)}/s3fs-flipped`, cwd)).rejects.toThrow("Command failed");
  expect(await stored("s3fs-flipped")).toBe("");
  const right = await mount(url);
  await run(`cp sent ${right}/s3fs && cp ${right}/s3fs received`, cwd);
  expect([await stored("s3fs"), await readFile(join(cwd, "received"), "utf8")]).toEqual([content, content]);
});

test("what is uploaded by HTTP is served by S3 with its digests, and conversely", async () => {
  const plain = await startTrailsum(["serve", directory, "--port", "0"]);
  const { url } = await server;
  const request = { method: "PUT", body: content, headers: { "Content-MD5": md5(content, "base64") } };
  expect((await fetch(`${plain.url}/bucket/http`, request)).status).toBe(201);
  const answer = await fetch(`${url}/bucket/http`, { headers: { "x-amz-checksum-mode": "ENABLED" } });
  expect([answer.status, await answer.text()]).toEqual([200, content]);
  expect(answer.headers.get("etag")).toBe(`"${md5(content, "hex")}"`);
  expect(answer.headers.get("x-amz-checksum-sha256")).toMatch(/^[\w+/]{43}=$/);
  const listed = await (await fetch(`${url}/bucket?list-type=2&prefix=http`)).text();
  expect(listed).toContain("<Key>http</Key>");
  expect((await fetch(`${url}/bucket/http`, { method: "DELETE" })).status).toBe(403);
});

test.each([
  [{ s3: true }, "TRAILSUM_S3_ACCESS_KEY_ID and TRAILSUM_S3_SECRET_ACCESS_KEY"],
  [{ s3: false, s3AccessKeyId: "a" }, "no effect without --s3"],
  [{ s3: true, s3AccessKeyId: "a", s3SecretAccessKey: "b", token: ["c"] }, "no effect with --s3"],
  [{ s3: true, s3AccessKeyId: "a", s3SecretAccessKey: "b", trustForwarded: true }, "no effect with --s3"],
])("flags that contradict each other are refused: %j", (given, reason) => {
  expect(() => s3Options({ s3AnonymousRead: false, ...given })).toThrow(reason);
});

const page = await readFile(join(import.meta.dirname, "../../../docs/s3.md"), "utf8");

test.skipIf(!existsSync("/usr/bin/aws"))("the commands of docs/s3.md print what it says", async () => {
  const cwd = await tempDir();
  await writeFile(join(cwd, "a.txt"), content);
  const [, first = "", second = ""] = page.split(/^```\n/m).filter((_, at) => at % 2 === 1 || at === 0);
  const [, assignments = "", command = "", said] = /^\$ ((?:TRAILSUM\S+ )+)trailsum (.*)\n(.*)\n$/.exec(first) ?? [];
  const env = Object.fromEntries(
    assignments
      .trim()
      .split(" ")
      .map((each) => each.split("=")),
  );
  const { url, stdout } = await startTrailsum([...command.split(" "), "--port", "0"], { cwd, env });
  expect(stdout().replace(url, "http://127.0.0.1:8080").trimEnd()).toBe(said);
  for (const part of second.split(/^\$ /m).slice(1)) {
    const [line = "", ...output] = part.trimEnd().split("\n");
    const exported = "AWS_ACCESS_KEY_ID=me AWS_SECRET_ACCESS_KEY=secret /usr/bin/";
    // oxlint-disable-next-line no-await-in-loop -- in the order of the page
    const printed = await run(exported + line.replaceAll("http://127.0.0.1:8080", url), cwd);
    expect([line, printed.trimEnd()]).toEqual([line, output.join("\n")]);
  }
});
