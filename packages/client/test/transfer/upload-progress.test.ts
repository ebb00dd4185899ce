import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";

import { tempDir } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { type Progress, upload, type UploadSource } from "../../src/index.ts";
import { receiver } from "./peers.ts";

const size = 1_300_000;
const content = Buffer.alloc(size, "trailsum");

async function* pieces(): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size; at += 65_536) yield content.subarray(at, at + 65_536);
  await Promise.resolve();
}

const sources: readonly [kind: string, known: boolean, make: () => UploadSource | Promise<UploadSource>][] = [
  [
    "a file",
    true,
    async () => {
      const path = join(await tempDir(), "file");
      await writeFile(path, content);
      return path;
    },
  ],
  ["a Buffer", true, () => content],
  ["a Blob", true, () => new Blob([content])],
  ["a Node stream", false, () => Readable.from(pieces())],
  ["a web stream", false, () => ReadableStream.from(pieces())],
  ["an iterable", false, pieces],
];

/** The phases of a transfer, in their order. */
function phasesOf(seen: readonly Progress[]): string[] {
  return seen.map(({ phase }) => phase).filter((phase, at, all) => phase !== all[at - 1]);
}

describe("the progress of an upload", () => {
  test.each(sources)("of %s only grows, and ends at its size, total known: %s", async (_kind, known, make) => {
    const server = await receiver();
    const seen: Progress[] = [];
    await upload(server.origin, await make(), { onProgress: (progress) => seen.push(progress) });
    expect(seen.at(-1)!.transferred).toBe(size);
    const moved = seen.filter(({ transferred }, at) => transferred !== seen[at - 1]?.transferred);
    expect(moved.every(({ transferred }, at) => transferred > (moved[at - 1]?.transferred ?? 0))).toBe(true);
    // A Blob may give all that it has at once.
    expect(phasesOf(seen).at(-1)).toBe("verifying");
    expect(["", "transferring"]).toContain(phasesOf(seen).slice(0, -1).join());
    expect(new Set(seen.map(({ total }) => total))).toEqual(new Set([known ? size : undefined]));
  });

  test("names hashing before content whose digests go first, and what was hashed", async () => {
    const server = await receiver();
    const seen: Progress[] = [];
    await upload(server.origin, content, { delivery: "header", onProgress: (progress) => seen.push(progress) });
    expect(phasesOf(seen)).toEqual(["hashing", "transferring", "verifying"]);
    expect(seen.findLast(({ phase }) => phase === "hashing")!.transferred).toBe(size);
  });

  test("names the pause before another attempt, which begins again", async () => {
    const server = await receiver((response, _upload, index) => response.writeHead(index === 0 ? 503 : 201).end());
    const seen: Progress[] = [];
    await upload(server.origin, content, { retries: 1, onProgress: (progress) => seen.push(progress) });
    expect(phasesOf(seen)).toEqual(["transferring", "verifying", "retrying", "transferring", "verifying"]);
    expect(seen.find(({ phase }) => phase === "retrying")).toEqual({
      transferred: size,
      total: size,
      phase: "retrying",
    });
  });
});
