import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";

import { TrailerAgent, upload, type UploadOptions } from "@trailsum/client";
import { createMemoryStore, createUploadServer, type Store, type UploadServerOptions } from "@trailsum/server";
import { parseSignatureKeys, type SignatureKey } from "@trailsum/shared";
import { flippingRelay, listen, tempDir } from "@trailsum/testkit";
import { describe, expect, onTestFinished, test } from "vitest";

import { patterned } from "./support/content.ts";
import { trailerDropper } from "./support/trailer-dropper.ts";

const bytes = patterned(300_000);

const privatePem = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const [ed25519] = parseSignatureKeys(privatePem) as [SignatureKey];
const [stranger] = parseSignatureKeys(
  generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
) as [SignatureKey];
const [hmac] = parseSignatureKeys(
  JSON.stringify({ kty: "oct", kid: "shared", k: Buffer.alloc(32, 9).toString("base64url") }),
) as [SignatureKey];
const signatureKeys = [{ ...ed25519, key: createPublicKey(ed25519.key) }, hmac];

/** A server that accepts only what is signed. */
async function signedServer(options: Partial<UploadServerOptions> = {}): Promise<{ url: string; store: Store }> {
  const store = createMemoryStore();
  const server = createUploadServer({ store, listen: { port: 0 }, signatureKeys, ...options });
  const { url } = await server.listen();
  onTestFinished(() => server.close({ graceMs: 0 }));
  return { url, store };
}

async function send(url: string, source: Parameters<typeof upload>[1], options: UploadOptions) {
  const dispatcher = new TrailerAgent();
  onTestFinished(() => dispatcher.close());
  return upload(url, source, { dispatcher, ...options });
}

const modes = ["trailers", "header", "two-step"] as const;

describe.each(modes)("an upload that is signed, delivered by %s", (delivery) => {
  test.each([
    ["ed25519", ed25519],
    ["hmac-sha256", hmac],
  ])("is stored with a known key (%s), with its content type", async (_name, key) => {
    const { url, store } = await signedServer();
    const headers = { "Content-Type": "text/plain" };
    const sent = await send(`${url}/a%20b`, bytes, { delivery, sign: { key, lifetime: 60 }, headers });
    expect([sent.confirmedBy, sent.receipt?.path]).toEqual(["server", "a b"]);
    expect((await store.open("a b"))?.fields).toEqual([["Content-Type", "text/plain"]]);
  });

  test.each<[string, Partial<UploadOptions>]>([
    ["not signed", {}],
    ["signed by another key", { sign: { key: stranger } }],
    ["signed by another key of a known name", { sign: { key: { ...stranger, keyId: ed25519.keyId } } }],
  ])("is refused when it is %s, and nothing is stored", async (_how, options) => {
    const { url, store } = await signedServer();
    await expect(send(`${url}/a`, bytes, { delivery, ...options })).rejects.toMatchObject({
      code: "SIGNATURE_INVALID",
      status: 400,
    });
    expect(await store.open("a")).toBeUndefined();
  });

  test("is refused when another path or another content type reaches the server", async () => {
    const { url, store } = await signedServer();
    const relayed = (marker: string): Promise<number> => flippingRelay(Number(new URL(url).port), marker);
    for (const marker of ["target", "text/plain"]) {
      const there = `http://127.0.0.1:${await relayed(marker)}/target`;
      const headers = { "Content-Type": "text/plain" };
      await expect(send(there, bytes, { delivery, sign: { key: hmac }, headers })).rejects.toMatchObject({
        code: "SIGNATURE_INVALID",
      });
    }
    for (const name of ["target", "uarget"]) expect(await store.open(name)).toBeUndefined();
  });
});

describe("an upload that is signed", () => {
  test.each([false, true])("is completed with a signature where a hop drops its trailers (pipe: %s)", async (pipe) => {
    const { url, store } = await signedServer();
    const { origin, requests } = await trailerDropper(url);
    const source = pipe ? Readable.from([bytes]) : bytes;
    const { delivery } = await send(`${origin}/a`, source, { sign: { key: ed25519 } });
    expect(delivery.mode).toBe("two-step");
    expect(requests.at(-1)).toBe("PATCH /.trailsum/uploads/ID");
    expect((await store.open("a"))?.size).toBe(bytes.length);
  });

  test("is verified over HTTP/2, too", async () => {
    const { url, store } = await signedServer();
    const dispatcher = new TrailerAgent({ useH2c: true });
    onTestFinished(() => dispatcher.close());
    for (const delivery of modes)
      await upload(`${url}/${delivery}`, bytes, { dispatcher, delivery, sign: { key: ed25519 } });
    const sizes = await Promise.all(modes.map(async (name) => (await store.open(name))?.size));
    expect(sizes).toEqual(modes.map(() => bytes.length));
    await expect(upload(`${url}/a`, bytes, { dispatcher })).rejects.toMatchObject({ code: "SIGNATURE_INVALID" });
  });

  test("is not sent without a strong digest, with a public key, or with a signature of the caller's", async () => {
    const { url } = await signedServer();
    const key = ed25519;
    const cases: UploadOptions[] = [
      { sign: { key }, algorithms: ["crc32c"] },
      { sign: { key: signatureKeys[0]! } },
      { sign: { key }, headers: { Signature: "a=:AAAA:" } },
      { sign: { key, lifetime: 0.5 } },
    ];
    for (const options of cases)
      await expect(send(`${url}/a`, bytes, options)).rejects.toMatchObject({ code: "USAGE" });
  });

  test("is continued by the next run after a redirect within its origin", async () => {
    const { url, store } = await signedServer();
    const asked: string[] = [];
    let sent = 0;
    const { origin } = await listen(
      createServer((req, res) => {
        asked.push(`${req.method} ${req.url!.replace(/uploads\/.*/, "uploads/ID")}`);
        if (req.url === "/moved")
          return void req.resume().on("end", () => res.writeHead(307, { Location: "/a" }).end());
        const out = request(
          `${url}${req.url}`,
          { method: req.method!, headers: req.headers, agent: false },
          (answer) => {
            res.writeHead(answer.statusCode!, answer.headers);
            answer.pipe(res);
          },
        );
        // The first append ends in its middle: what has passed arrives, and then the connections end.
        const cuts = sent === 0 && req.method === "PATCH";
        const cut = (): void => void (out.destroy(), res.destroy());
        out.on("error", cut);
        if (!cuts) return void req.on("data", (piece: Buffer) => (sent += piece.length)).pipe(out);
        req.on("data", (piece: Buffer) => {
          sent += piece.length;
          if (sent > bytes.length / 2) out.write(piece, cut);
          else out.write(piece);
        });
      }),
    );
    const [directory, stateDirectory] = [await tempDir(), await tempDir()];
    const file = join(directory, "it");
    await writeFile(file, bytes);
    const options = { sign: { key: ed25519 }, continue: true, stateDirectory, retries: 0 };
    await expect(send(`${origin}/moved`, file, options)).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    expect(await store.open("a")).toBeUndefined();
    const first = asked.splice(0);
    const result = await send(`${origin}/moved`, file, options);
    expect([result.confirmedBy, result.delivery.mode]).toEqual(["server", "two-step"]);
    expect((await store.open("a"))?.size).toBe(bytes.length);
    expect(first.at(-1)).toBe("PATCH /.trailsum/uploads/ID");
    expect(asked).toContain("HEAD /.trailsum/uploads/ID");
    expect(asked).not.toContain("PUT /a");
  });

  test("does not follow a redirect to another origin", async () => {
    const { url, store } = await signedServer();
    const { origin } = await listen(
      createServer((req, res) => void req.resume().on("end", () => res.writeHead(307, { Location: `${url}/b` }).end())),
    );
    await expect(send(`${origin}/a`, bytes, { sign: { key: hmac } })).rejects.toMatchObject({ code: "REFUSED" });
    expect(await store.open("b")).toBeUndefined();
  });
});
