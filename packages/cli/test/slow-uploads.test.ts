import { createHash, randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";

import { peakOfMemory, startTrailsum, tempDir } from "@trailsum/testkit";
import { fauxqs, s3Environment } from "@trailsum/testkit/s3";
import { expect, onTestFinished, test } from "vitest";

/** How many uploads there are at once: 500 for a campaign, which sends more of each as well. */
const campaign = process.env["TRAILSUM_SLOW_UPLOADS"];
const uploads = Number(campaign ?? 30);
const size = (campaign === undefined ? 32 : 128) * 1024;

/** Each sends 64 KiB a second, in pieces. */
const PIECE = 16 * 1024;
const INTERVAL = 250;
const MOST_MEMORY = 300 * 1024 * 1024;

const sha256 = (bytes: Buffer): Buffer => createHash("sha256").update(bytes).digest();

/** Sends content slowly, and its digest as a trailer. Returns the status of the answer. */
async function sendSlowly(url: string, body: Buffer, { agent, digest = sha256(body) }: Sending): Promise<number> {
  const headers = { Trailer: "Content-Digest", "Transfer-Encoding": "chunked" };
  const sent = request(url, { method: "PUT", headers, agent });
  const answered = once(sent, "response") as Promise<[IncomingMessage]>;
  answered.catch(() => {});
  for (let at = 0; at < body.length; at += PIECE) {
    sent.write(body.subarray(at, at + PIECE));
    await pause(INTERVAL);
  }
  sent.addTrailers({ "Content-Digest": `sha-256=:${digest.toString("base64")}:` });
  sent.end();
  const [response] = await answered;
  response.resume();
  await once(response, "close");
  return response.statusCode!;
}

interface Sending {
  readonly agent: Agent;
  readonly digest?: Buffer;
}

async function directory(): Promise<{ readonly args: string[]; readonly env?: Record<string, string> }> {
  return { args: [await tempDir()] };
}

async function bucket(): Promise<{ readonly args: string[]; readonly env?: Record<string, string> }> {
  const s3 = await fauxqs();
  onTestFinished(() => s3.stop());
  return { args: [`s3://${s3.bucket}/${randomUUID()}`, "--s3-endpoint", s3.endpoint], env: s3Environment(s3) };
}

test.each([
  ["a directory", directory],
  ["a bucket", bucket],
] as const)(
  `${uploads} slow uploads at once to %s are all verified, in bounded memory`,
  async (name, place) => {
    const { args, env } = await place();
    const server = await startTrailsum(["serve", ...args, "--port", "0", "--quiet"], env && { env });
    const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY, keepAlive: true });
    onTestFinished(() => agent.destroy());
    const bodies = Array.from({ length: uploads }, () => randomBytes(size));
    const sending = bodies.map((body, at) => sendSlowly(`${server.url}/${at}`, body, { agent }));
    const wrong = sendSlowly(`${server.url}/wrong`, randomBytes(PIECE), {
      agent,
      digest: sha256(Buffer.from("other")),
    });
    expect(await Promise.all(sending)).toEqual(bodies.map(() => 201));
    expect(await wrong).toBe(400);

    // Only Linux reports it.
    const peak = peakOfMemory(server.child.pid!) ?? 0;
    if (campaign !== undefined) process.stderr.write(`${uploads} to ${name}: ${Math.round(peak / 1024 / 1024)} MiB\n`);
    expect(peak).toBeLessThan(MOST_MEMORY);
    for (const [at, body] of bodies.entries()) {
      const stored = await fetch(`${server.url}/${at}`);
      expect(sha256(Buffer.from(await stored.arrayBuffer()))).toEqual(sha256(body));
    }
    expect((await fetch(`${server.url}/wrong`)).status).toBe(404);
  },
  180_000,
);
