import { createHash, randomBytes, randomUUID } from "node:crypto";
import { request } from "node:http";

import { ListMultipartUploadsCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { createS3Store } from "@trailsum/store-s3";
import { startTrailsum } from "@trailsum/testkit";
import { fauxqs, hasSwift, s3Environment, swift } from "@trailsum/testkit/s3";
import { expect, onTestFinished, test } from "vitest";

/** How many processes are killed: 100 for a campaign. */
const kills = Number(process.env["TRAILSUM_S3_KILLS"] ?? 3);
/** Content of two parts, and some more. */
const size = 17 * 1024 * 1024;

/** Sends an upload, as far as the server lives. */
async function send(url: string, body: Buffer): Promise<number | undefined> {
  const digest = createHash("sha256").update(body).digest("base64");
  const headers = { "Content-Digest": `sha-256=:${digest}:`, "Content-Length": body.length };
  return new Promise((resolve) => {
    const sent = request(url, { method: "PUT", headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.on("error", () => resolve(undefined));
    sent.end(body);
  });
}

test(
  `after serve was killed ${kills} times, only what verified is visible, and left-overs are removed`,
  async () => {
    const s3 = await ((await hasSwift()) ? swift() : fauxqs());
    onTestFinished(() => s3.stop());
    const client = new S3Client({ ...s3, forcePathStyle: true });
    onTestFinished(() => client.destroy());
    const prefix = randomUUID();
    const args = ["serve", `s3://${s3.bucket}/${prefix}`, "--s3-endpoint", s3.endpoint, "--port", "0", "--quiet"];
    const bodies = new Map<string, Buffer>();
    const acknowledged: string[] = [];
    for (let kill = 0; kill < kills; kill += 1) {
      const serve = await startTrailsum(args, { env: s3Environment(s3) });
      const running = [size, 1_000].map(async (length, at) => {
        const name = `${kill}-${at}`;
        const body = randomBytes(length);
        bodies.set(name, body);
        const status = await send(`${serve.url}/${name}`, body);
        if (status === 201) acknowledged.push(name);
      });
      const moment = Math.random() * 600;
      await Promise.race([Promise.all(running), new Promise((resolve) => setTimeout(resolve, moment))]);
      await serve.stop("SIGKILL");
      await Promise.all(running);
    }

    const store = await createS3Store({ client, bucket: s3.bucket, prefix });
    const found: string[] = [];
    for await (const { name, digests } of (await store.list(""))!) {
      found.push(name);
      const body = bodies.get(name)!;
      expect(digests?.values.get("sha-256")).toEqual(createHash("sha256").update(body).digest());
      const read = createHash("sha256");
      for await (const piece of (await store.open(name))!.createReadStream()) read.update(piece as Buffer);
      expect(read.digest()).toEqual(createHash("sha256").update(body).digest());
    }
    expect(acknowledged.filter((name) => !found.includes(name))).toEqual([]);
    await expect
      .poll(async () => {
        // Swift rounds times up to the second: what was begun just now is not old enough for the first sweep.
        await createS3Store({ client, bucket: s3.bucket, prefix, reclaimAfter: 0 });
        const { Uploads = [] } = await client.send(
          new ListMultipartUploadsCommand({ Bucket: s3.bucket, Prefix: prefix }),
        );
        return Uploads.length;
      })
      .toBe(0);
    await expect
      .poll(async () => {
        const own = `${prefix}/.trailsum/`;
        const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: s3.bucket, Prefix: own }));
        return Contents.length;
      })
      .toBe(found.filter((name) => bodies.get(name)!.length === size).length);
  },
  60_000 + kills * 6_000,
);
