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

describe("the progress of an upload", () => {
  test.each(sources)("of %s only grows, and ends at its size, total known: %s", async (_kind, known, make) => {
    const server = await receiver();
    const seen: Progress[] = [];
    await upload(server.origin, await make(), { onProgress: (progress) => seen.push(progress) });
    expect(seen.at(-1)!.transferred).toBe(size);
    expect(seen.every(({ transferred }, at) => transferred > (seen[at - 1]?.transferred ?? 0))).toBe(true);
    expect(new Set(seen.map(({ total }) => total))).toEqual(new Set([known ? size : undefined]));
  });
});
