import { createHash, randomBytes, randomInt } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { startTrailsum, tempDir, trailsum } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

/** How many times the server is killed. */
const KILLS = Number(process.env["UPLOAD_KILLS"] ?? 3);

const base64 = (algorithm: string, bytes: Uint8Array): string => createHash(algorithm).update(bytes).digest("base64");
const reprDigest = (bytes: Uint8Array): string => `sha-256=:${base64("sha256", bytes)}:`;
const ietf = { "Upload-Draft-Interop-Version": "8" };
const tus = { "Tus-Resumable": "1.0.0" };

/** An upload, as far as its client knows. */
interface Sending {
  readonly name: string;
  readonly bytes: Buffer;
  readonly protocol: "ietf" | "tus" | "two-step";
  location: string | undefined;
  /** How many bytes the server has acknowledged. */
  acknowledged: number;
  completed: boolean;
}

/** Sends an upload until it is complete or the server is gone. */
async function send(url: string, upload: Sending): Promise<void> {
  const { bytes, protocol, name } = upload;
  const isTus = protocol === "tus";
  if (upload.location === undefined) {
    const first = protocol === "two-step" ? bytes : bytes.subarray(0, 0);
    const created = isTus
      ? await fetch(`${url}/${name}`, { method: "POST", headers: { ...tus, "Upload-Length": String(bytes.length) } })
      : await fetch(`${url}/${name}`, { method: "PUT", headers: { ...ietf, "Upload-Complete": "?0" }, body: first });
    demand(created, 201);
    upload.location = created.headers.get("Location")!;
    upload.acknowledged = first.length;
  }
  const to = `${url}${upload.location}`;
  while (upload.acknowledged < bytes.length) {
    const part = bytes.subarray(upload.acknowledged, upload.acknowledged + 300_000);
    const headers = { "Upload-Offset": String(upload.acknowledged) };
    const checked = randomInt(2) === 0 && !isTus;
    // oxlint-disable-next-line no-await-in-loop -- one after the other is the protocol
    const answer = await fetch(to, {
      method: "PATCH",
      body: part,
      headers: isTus
        ? {
            ...tus,
            ...headers,
            "Content-Type": "application/offset+octet-stream",
            "Upload-Checksum": `sha1 ${base64("sha1", part)}`,
          }
        : {
            ...ietf,
            ...headers,
            "Content-Type": "application/partial-upload",
            "Upload-Complete": "?0",
            ...(checked ? { "Content-Digest": reprDigest(part) } : {}),
          },
    });
    demand(answer, 204);
    upload.acknowledged += part.length;
  }
  if (isTus) {
    upload.completed = true;
    return;
  }
  const answer = await fetch(to, {
    method: "PATCH",
    headers: {
      ...ietf,
      "Content-Type": "application/partial-upload",
      "Upload-Offset": String(bytes.length),
      "Upload-Complete": "?1",
      "Repr-Digest": reprDigest(bytes),
    },
  });
  demand(answer, 201);
  upload.completed = true;
}

function demand({ status, url }: Response, expected: number): void {
  if (status !== expected) throw new Error(`${url} was answered with ${status}`);
}

/** Asks a server how far an upload is; a completed one is remembered for a while. */
async function offset(url: string, { location, protocol }: Sending): Promise<number> {
  const answer = await fetch(`${url}${location}`, { method: "HEAD", headers: protocol === "tus" ? tus : ietf });
  expect(answer.ok).toBe(true);
  return Number(answer.headers.get("Upload-Offset"));
}

describe("a server that is killed while it receives uploads", () => {
  test(
    `has every acknowledged byte after its restart, ${KILLS} times`,
    async () => {
      const directory = await tempDir();
      const uploads = join(directory, ".trailsum/uploads");
      const stored: Sending[] = [];
      let server = await startTrailsum(["serve", directory, "--port", "0", "--quiet"]);
      for (let round = 0; round < KILLS; round += 1) {
        const upload: Sending = {
          name: `object-${round}`,
          bytes: randomBytes(randomInt(1, 4_000_000)),
          protocol: (["ietf", "tus", "two-step"] as const)[round % 3]!,
          location: undefined,
          acknowledged: 0,
          completed: false,
        };
        const sending = send(server.url, upload).catch((error: unknown) => {
          // The connection ends when the server is killed; nothing else may go wrong.
          if (!(error instanceof TypeError)) throw error;
        });
        await new Promise((resolve) => setTimeout(resolve, randomInt(150)));
        await server.stop("SIGKILL");
        await sending;
        server = await startTrailsum(["serve", directory, "--port", "0", "--quiet"]);

        const visible = (await readdir(directory)).filter((name) => name !== ".trailsum");
        const isVisible = visible.includes(upload.name);
        expect(new Set([...stored.map(({ name }) => name), ...(isVisible ? [upload.name] : [])])).toEqual(
          new Set(visible),
        );
        const isKnown = upload.location !== undefined && !isVisible;
        const there = isKnown ? await offset(server.url, upload) : upload.acknowledged;
        expect(isVisible || !upload.completed).toBe(true);
        expect(there).toBeGreaterThanOrEqual(upload.acknowledged);
        expect(there).toBeLessThanOrEqual(upload.bytes.length);
        upload.acknowledged = there;
        // What the server says that it has is right: the rest completes it.
        if (!isVisible) await send(server.url, upload);
        expect((await readFile(join(directory, upload.name))).equals(upload.bytes)).toBe(true);
        stored.push(upload);
      }
      // What is left is what is remembered of completed uploads, and what a client never heard of.
      const left = (await readdir(uploads)).filter((name) => /^[0-9a-f]{32}$/.test(name));
      expect(left.length).toBeLessThanOrEqual(KILLS);
      await server.stop();
      server = await startTrailsum(["serve", directory, "--port", "0", "--quiet", "--upload-expiry", "1"]);
      expect(await readdir(join(directory, ".trailsum/staging"))).toEqual([]);
    },
    120_000 + KILLS * 10_000,
  );
});

test("unfinished uploads are bounded and expire as the flags say", async () => {
  const directory = await tempDir();
  const limits = ["--upload-expiry", "1", "--max-uploads", "4", "--max-upload-bytes", "1K"];
  const { url } = await startTrailsum(["serve", directory, "--port", "0", ...limits]);
  const create = (length: number): Promise<Response> =>
    fetch(`${url}/it`, { method: "POST", headers: { ...tus, "Upload-Length": String(length) } });
  expect((await create(1025)).status).toBe(507);
  expect((await create(5)).status).toBe(201);
  expect((await create(5)).status).toBe(429);
  await expect.poll(async () => readdir(join(directory, ".trailsum/uploads"))).toEqual([]);
  expect((await create(5)).status).toBe(201);
});

test.each([
  ["--upload-expiry", "0"],
  ["--max-uploads", "-1"],
  ["--max-upload-bytes", "much"],
])("%s %s is refused", async (flag, value) => {
  const { exitCode, stderr } = await trailsum(["serve", await tempDir(), "--port", "0", `${flag}=${value}`]);
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining(value === "much" ? "not a valid size" : flag)]);
});

test("clients of a proxy that serve trusts have a quarter of the unfinished uploads each", async () => {
  const started = ["serve", await tempDir(), "--port", "0", "--max-uploads", "4"];
  const trusting = await startTrailsum([...started, "--trust-forwarded"]);
  const plain = await startTrailsum(started);
  const create = async (url: string, client: string): Promise<number> => {
    const headers = { ...ietf, "Upload-Complete": "?0", "X-Forwarded-For": client };
    return (await fetch(`${url}/a`, { method: "PUT", headers })).status;
  };
  const statuses = async (url: string): Promise<number[]> => [
    await create(url, "192.0.2.1"),
    await create(url, "192.0.2.2"),
    await create(url, "192.0.2.1"),
  ];
  expect(await statuses(trusting.url)).toEqual([201, 201, 429]);
  expect(await statuses(plain.url)).toEqual([201, 429, 429]);
});

test("serve --quota bounds what is stored", async () => {
  const { url } = await startTrailsum(["serve", await tempDir(), "--port", "0", "--quota", "1K"]);
  const put = async (name: string, size: number): Promise<number> => {
    const body = Buffer.alloc(size, "x");
    return (await fetch(`${url}/${name}`, { method: "PUT", headers: { "Repr-Digest": reprDigest(body) }, body }))
      .status;
  };
  expect([await put("a", 1_000), await put("b", 100), await put("c", 20)]).toEqual([201, 507, 201]);
});
