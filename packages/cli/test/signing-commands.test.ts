import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { startTrailsum, tempDir } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { commandProcess } from "./support/command-process.ts";
import { content, patterned, sha256 } from "./support/content.ts";
import { serve } from "./support/serving.ts";

const trailsum = commandProcess();

/** A directory with the keys of a sender and of a server, and one file. */
async function keyDirectory(): Promise<string> {
  const cwd = await tempDir();
  await mkdir(join(cwd, "keys"));
  for (const [name, published] of [
    ["sender", "keys/sender.pem"],
    ["server", "server.pub.pem"],
  ] as const) {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    await writeFile(join(cwd, `${name}.pem`), privateKey.export({ type: "pkcs8", format: "pem" }));
    await writeFile(join(cwd, published), publicKey.export({ type: "spki", format: "pem" }));
  }
  const secret = { kty: "oct", kid: "shared", k: Buffer.alloc(32, 3).toString("base64url") };
  await writeFile(join(cwd, "shared.jwk"), JSON.stringify(secret));
  await writeFile(join(cwd, "keys", "shared.jwk"), JSON.stringify(secret));
  await writeFile(join(cwd, "it"), content);
  return cwd;
}

const required = ["--require", "sha-256,signature", "--signature-keys", "keys"];

describe("trailsum serve --require signature", () => {
  test("takes uploads by each of its keys, by pipes and continued ones too, and no others", async () => {
    const cwd = await keyDirectory();
    const { url, visible } = await serve(required, { cwd });
    const run = (args: string[], input?: Uint8Array) =>
      trailsum(["upload", ...args], {
        cwd,
        ...(input && { input }),
        env: { XDG_CACHE_HOME: cwd, XDG_STATE_HOME: cwd },
      });
    const unsigned = await run(["it", `${url}/unsigned`]);
    expect([unsigned.exitCode, unsigned.stderr]).toEqual([6, expect.stringContaining("the upload is not signed")]);
    const other = await run(["it", `${url}/other`, "--sign-key", "server.pem"]);
    expect([other.exitCode, other.stderr]).toEqual([6, expect.stringContaining("not known here")]);
    await writeFile(join(cwd, "large"), patterned(300_000));
    const results = await Promise.all([
      run(["it", `${url}/pem`, "--sign-key", "sender.pem"]),
      run(["it", `${url}/secret`, "--sign-key", "shared.jwk", "-H", "Content-Type: text/plain"]),
      run(["-", `${url}/pipe`, "--sign-key", "sender.pem"], patterned(300_000)),
      run(["large", `${url}/continued`, "--sign-key", "sender.pem", "--continue"]),
    ]);
    expect(results.map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual(results.map(() => [0, ""]));
    expect(await visible()).toEqual(["continued", "pem", "pipe", "secret"]);
  });

  test("is refused for tus, whose requests have no place for a signature", async () => {
    const cwd = await keyDirectory();
    const { url, uploads } = await serve(required, { cwd });
    const headers = { "Tus-Resumable": "1.0.0", "Upload-Length": "5" };
    const answer = await fetch(`${url}/a`, { method: "POST", headers });
    expect([answer.status, (await answer.json()) as object]).toMatchObject([
      400,
      { detail: expect.stringContaining("tus") },
    ]);
    expect(await uploads()).toEqual([]);
  });

  test.each<[string, string[], RegExp]>([
    ["without keys", ["--require", "signature"], /belong together/],
    ["with keys that nothing requires", ["--signature-keys", "keys"], /belong together/],
    ["with --allow-unverified", [...required, "--allow-unverified"], /contradicts/],
    ["with one key twice", ["--require", "signature", "--signature-keys", "twice"], /two keys with the name "shared"/],
    ["with a public key for receipts", ["--receipt-key", "server.pub.pem"], /sign with the private one/],
  ])("%s it is an error of usage", async (_how, args, message) => {
    const cwd = await keyDirectory();
    await mkdir(join(cwd, "twice"));
    for (const name of ["a", "b"]) await writeFile(join(cwd, "twice", name), await readFile(join(cwd, "shared.jwk")));
    const { exitCode, stderr } = await trailsum(["serve", "data", "--port", "0", ...args], { cwd });
    expect([exitCode, stderr]).toEqual([2, expect.stringMatching(message)]);
  });
});

test("trailsum proxy --require signature forwards what is signed to a server that knows no keys", async () => {
  const cwd = await keyDirectory();
  const { url, visible } = await serve([], { cwd });
  const args = ["proxy", url, "--port", "0", "--require", "signature", "--signature-keys", "keys/sender.pem"];
  const proxy = await startTrailsum(args, { cwd });
  const signed = await trailsum(["upload", "it", `${proxy.url}/a`, "--sign-key", "sender.pem"], { cwd });
  expect([signed.exitCode, signed.stderr]).toEqual([0, ""]);
  const unsigned = await trailsum(["upload", "it", `${proxy.url}/b`], { cwd });
  expect([unsigned.exitCode, unsigned.stderr]).toEqual([6, expect.stringContaining("the upload is not signed")]);
  expect(await visible()).toEqual(["a"]);
  const without = await trailsum(["proxy", url, "--require", "signature"], { cwd });
  expect([without.exitCode, without.stderr]).toEqual([2, expect.stringContaining("belong together")]);
});

describe("a signed receipt", () => {
  test("is written by upload and by curl, and verified without the server", async () => {
    const cwd = await keyDirectory();
    const server = await serve(["--receipt-key", "server.pem"], { cwd });
    const sent = await trailsum(["upload", "it", `${server.url}/a`, "--receipt", "it.receipt"], { cwd });
    expect([sent.exitCode, sent.stderr]).toEqual([0, ""]);
    const digest = Buffer.from(sha256(content), "hex").toString("base64");
    const curl = ["-sS", "-i", "-T", "it", "-H", `Repr-Digest: sha-256=:${digest}:`, `${server.url}/b`];
    const { stdout } = await promisify(execFile)("curl", [...curl, "-H", "Expect: 100-continue"], { cwd });
    expect(stdout).toMatch(/^HTTP\/1.1 100 /);
    await writeFile(join(cwd, "curl.receipt"), stdout);
    await server.stop();

    const verify = (...args: string[]) => trailsum(["verify", ...args], { cwd });
    const ours = await verify("it", "--receipt", "it.receipt", "--key", "server.pub.pem");
    expect([ours.exitCode, ours.stdout]).toEqual([
      0,
      expect.stringMatching(/^a: 42 bytes, verified, signed 20\S+Z by \S{43}\n$/),
    ]);
    const curls = await verify("--receipt", "curl.receipt", "--key", "server.pub.pem", "--json");
    expect([curls.exitCode, JSON.parse(curls.stdout)]).toMatchObject([
      0,
      { path: "b", size: content.length, digests: { "sha-256": sha256(content) }, verdict: "verified" },
    ]);

    await writeFile(join(cwd, "it"), "another");
    const changed = await verify("it", "--receipt", "it.receipt", "--key", "server.pub.pem");
    expect([changed.exitCode, changed.stderr]).toEqual([
      6,
      expect.stringContaining("it is not what the receipt is for"),
    ]);
    await writeFile(join(cwd, "forged"), (await readFile(join(cwd, "it.receipt"), "utf8")).replace('"a"', '"b"'));
    expect((await verify("--receipt", "forged", "--key", "server.pub.pem")).exitCode).toBe(6);
    expect((await verify("--receipt", "it.receipt", "--key", "keys/sender.pem")).exitCode).toBe(6);
    for (const args of [
      ["--receipt", "it.receipt"],
      ["it", "--key", "server.pub.pem"],
      ["--receipt", "it", "--key", "server.pub.pem"],
    ])
      expect((await verify(...args)).exitCode).toBe(2);
  });

  test("is asked for of one upload only, and of a server that sends one", async () => {
    const cwd = await keyDirectory();
    const { url } = await serve([], { cwd });
    for (const files of [["it", "server.pem"], ["keys"]]) {
      const { exitCode, stderr } = await trailsum(["upload", ...files, `${url}/`, "--receipt", "r"], { cwd });
      expect([exitCode, stderr]).toEqual([2, expect.stringContaining("--receipt is for the upload of one file")]);
    }
    const minimal = ["upload", "it", `${url}/a`, "--receipt", "r", "-H", "Prefer: return=minimal"];
    const none = await trailsum(minimal, { cwd });
    expect([none.exitCode, none.stderr]).toEqual([4, expect.stringContaining("the server sent no receipt")]);
  });
});
