import { mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";

import { TrailsumError, verifyingFields } from "@trailsum/shared";
import prettyBytes from "pretty-bytes";
import type { CommandModule } from "yargs";

import { wirePicture } from "../demo/wire-picture.ts";
import { startWireTap } from "../demo/wire-tap.ts";
import { defineCommand } from "../command.ts";
import type { Run } from "../process-run.ts";

/** `trailsum demo` */
export const demoCommand: CommandModule = defineCommand<object>({
  command: "demo",
  describe: "server and client together: what stands on the wire, and what becomes of a corrupted upload",
  flags: {},
  run: demo,
});

async function demo(_given: object, { signal }: Run): Promise<void> {
  const { download, upload } = await import("@trailsum/client");
  const { createDirectoryStore, createUploadServer } = await import("@trailsum/server");
  // A real file that is there wherever this runs: the program that runs it.
  const file = process.execPath;
  const directory = await mkdtemp(join(tmpdir(), "trailsum-demo-"));
  const server = createUploadServer({ store: await createDirectoryStore({ directory }), port: 0 });
  const { url } = await server.listen();
  try {
    say(`A server on ${url}, keeping files in ${directory}`);
    say(`\n1. Upload ${file} (${prettyBytes((await stat(file)).size, { binary: true })}). As it stood on the wire:\n`);
    const tap = await startWireTap(new URL(url));
    const uploaded = await upload(`${tap.origin}/node`, file, { signal });
    for (const line of wirePicture(tap.sent())) say(`   ${line}`);
    await tap.close();
    say(
      `\n   ${uploaded.status}: verified, and stored. The server computed the same: Repr-Digest: ${uploaded.headers.get("Repr-Digest")}`,
    );

    say("\n2. Download it again, and compare.\n");
    const copy = join(directory, ".copy");
    const { verdict } = await download(`${url}/node`, copy, { signal, allowUnverified: false });
    const same = await sameContent(file, copy);
    say(`   ${verdict.name} by ${verifyingFields(verdict).join(", ")}; byte for byte the same: ${same ? "yes" : "NO"}`);
    if (!same) throw new TrailsumError("DIGEST_MISMATCHED", "the copy differs from the file");

    say("\n3. Upload it once more, through a hop that flips a single bit.\n");
    const liar = await startWireTap(new URL(url), flipOneBit);
    const refused = await upload(`${liar.origin}/corrupted`, file, { signal }).then(
      () => undefined,
      (error: unknown) => TrailsumError.from(error),
    );
    await liar.close();
    if (refused?.code !== "DIGEST_MISMATCHED")
      throw new TrailsumError("INTERNAL", "a corrupted upload was not refused");
    say(`   refused, exit status ${refused.meaning.exit}: ${refused.message}`);
    const kept = await download(`${url}/corrupted`, nowhere(), { signal }).then(
      () => "something",
      (error: unknown) => (TrailsumError.from(error).status === 404 ? "nothing" : "something"),
    );
    if (kept !== "nothing") throw new TrailsumError("INTERNAL", "a corrupted upload was kept");
    say("   and nothing of it can be downloaded: 404\n");
  } finally {
    await server.close({ graceMs: 0 });
    await rm(directory, { recursive: true, force: true });
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
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
      // oxlint-disable-next-line no-await-in-loop -- block by block
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
