import { mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";

import { TrailsumError, verifyingFields } from "@trailsum/shared";
import prettyBytes from "pretty-bytes";

import { wirePicture } from "../demo/wire-picture.ts";
import { startTrailerEater } from "../demo/trailer-eater.ts";
import { startWireTap, type WireRecord } from "../demo/wire-tap.ts";
import { type DefinedCommand, defineCommand } from "../command.ts";
import type { Run } from "../process/process-run.ts";

/** `trailsum demo` */
export const demoCommand: DefinedCommand = defineCommand<object>({
  synopsis: "trailsum demo",
  examples: [{ does: "watch a client, a proxy and a server, and what faults do", line: "trailsum demo" }],
  flags: {},
  run: demo,
});

async function demo(_given: object, run: Run): Promise<void> {
  const { signal } = run;
  const say = (text: string): void => void run.print(`${text}\n`);
  const show = (title: string, record: WireRecord): void =>
    say([`\n   ${title}\n`, ...wirePicture(record).map((line) => `      ${line}`)].join("\n"));

  const { download, upload } = await import("@trailsum/client");
  const { createProxyServer } = await import("@trailsum/proxy");
  const { createDirectoryStore, createUploadServer } = await import("@trailsum/server");
  // A real file that is there wherever this runs: the program that runs it.
  const file = process.execPath;
  const directory = await mkdtemp(join(tmpdir(), "trailsum-demo-"));
  const server = createUploadServer({ store: await createDirectoryStore({ directory }), listen: { port: 0 } });
  const { url } = await server.listen();
  const behind = await startWireTap(new URL(url));
  const proxy = createProxyServer({ target: behind.origin, listen: { port: 0 }, verify: "enforce" });
  const front = await startWireTap(new URL((await proxy.listen()).url));
  const failure = (attempt: Promise<unknown>): Promise<TrailsumError | undefined> =>
    attempt.then(
      () => undefined,
      (error: unknown) => TrailsumError.from(error),
    );
  try {
    say(`A server that keeps files in ${directory}, and a proxy in front of it that verifies what passes.`);

    say(`\n1. Upload ${file} (${prettyBytes((await stat(file)).size, { binary: true })}) through the proxy.`);
    const uploaded = await upload(`${front.origin}/node`, file, { signal });
    show("From the client to the proxy:", front.sent());
    show("From the proxy to the server:", behind.sent());
    say(`\n   ${uploaded.status}: verified, and stored. The server computed the same:`);
    say(`   ${JSON.stringify(uploaded.receipt?.digests)}`);

    say("\n2. Download it again, and compare.");
    const copy = join(directory, ".copy");
    const { verdict } = await download(`${front.origin}/node`, copy, { signal, allowUnverified: false });
    show("From the server to the proxy:", behind.received());
    show("From the proxy to the client:", front.received());
    const same = await sameContent(file, copy);
    say(
      `\n   ${verdict.name} by ${verifyingFields(verdict).join(", ")}; byte for byte the same: ${same ? "yes" : "NO"}`,
    );
    if (!same) throw new TrailsumError("DIGEST_MISMATCHED", "the copy differs from the file");

    say("\n3. Upload it once more, through a hop in front of the proxy that flips a single bit.\n");
    const liar = await startWireTap(new URL(front.origin), flipOneBit);
    const damaged = await failure(upload(`${liar.origin}/damaged`, file, { signal }));
    await liar.close();
    if (damaged?.code !== "DIGEST_MISMATCHED") throw unexpected("a damaged upload was not refused", damaged);
    say(`   refused by the proxy, exit status ${damaged.meaning.exit}: ${damaged.message}`);
    const completed = behind.sent().last.endsWith("\r\n\r\n");
    say(`   The server ${completed ? "RECEIVED a complete body" : "never received a complete body (as intended)"}.`);

    say("\n4. And through a proxy that, like many, does not know of trailers.\n");
    const eater = await startTrailerEater(new URL(url));
    const bereft = await failure(upload(`${eater.origin}/bereft`, file, { signal, delivery: "trailers" }));
    if (bereft?.code !== "DIGEST_MISSING") throw unexpected("an upload without its trailers was not refused", bereft);
    say(`   refused by the server, exit status ${bereft.meaning.exit}: ${bereft.message}`);

    for (const path of ["damaged", "bereft"]) {
      const kept = await failure(download(`${url}/${path}`, nowhere(), { signal }));
      if (kept?.status !== 404) throw unexpected(`something of ${path} was kept`, kept);
    }
    say("\n   Neither file exists (404).");

    say("\n5. The same way, but delivered as the path allows.\n");
    const { delivery, receipt } = await upload(`${eater.origin}/rescued`, file, { signal });
    await eater.close();
    if (receipt?.verdict !== "verified") throw unexpected("the upload was not verified", undefined);
    say(`   verified, and stored, by ${delivery.mode}: ${delivery.reason}.\n`);
  } finally {
    await front.close();
    await proxy.close({ graceMs: 0 });
    await behind.close();
    await server.close({ graceMs: 0 });
    await rm(directory, { recursive: true, force: true });
  }
}

function unexpected(what: string, cause: TrailsumError | undefined): TrailsumError {
  return new TrailsumError("INTERNAL", what, { cause });
}

/** Somewhere in the content of a file of some megabytes. */
const FLIPPED = 1_000_000;

function flipOneBit(piece: Buffer, offset: number): void {
  const at = FLIPPED - offset;
  if (at >= 0 && at < piece.length) piece[at] = piece[at]! ^ 1;
}

/** Block by block, and not by digest: here it is the digests that are on trial. */
async function sameContent(one: string, other: string): Promise<boolean> {
  const [left, right] = await Promise.all([open(one), open(other)]);
  const blocks = [Buffer.alloc(BLOCK), Buffer.alloc(BLOCK)] as const;
  try {
    for (let position = 0; ; position += BLOCK) {
      const [a, b] = await Promise.all([
        left.read(blocks[0], 0, BLOCK, position),
        right.read(blocks[1], 0, BLOCK, position),
      ]);
      const same = blocks[0].subarray(0, a.bytesRead).equals(blocks[1].subarray(0, b.bytesRead));
      if (!same || a.bytesRead === 0) return same;
    }
  } finally {
    await Promise.all([left.close(), right.close()]);
  }
}

const BLOCK = 1024 * 1024;

function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}
