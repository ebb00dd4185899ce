import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";

import { describe, expect, test } from "vitest";

import { type Algorithm, createStreamDigester, type Digests } from "../src/index.ts";
import { STRETCH } from "../src/digest-memory.ts";
import { digestsOf } from "./message.ts";

/** What a stream digester finds in `content`, given piece by piece. */
async function digested(
  content: Uint8Array,
  piece: number,
  names: readonly Algorithm[],
  size?: number,
): Promise<Digests> {
  const digester = await createStreamDigester(names, size);
  for (let at = 0; at < content.length; at += piece) {
    // The same memory for every piece, as a reader of files would have it.
    const chunk = Buffer.from(content.subarray(at, at + piece));
    await digester.update(chunk);
    chunk.fill(0);
  }
  const digests = await digester.digest();
  digester.close();
  return digests;
}

const MiB = 1024 * 1024;
const names: readonly Algorithm[] = ["md5", "crc64nvme", "sha-256"];
const bytes = Buffer.from(Array.from({ length: 9 * MiB }, (_, at) => (at * 7919) >>> 5));

describe("a stream digester finds what a digester finds", () => {
  test.each([
    0,
    1,
    64 * 1024 - 1,
    64 * 1024,
    64 * 1024 + 1,
    512 * 1024,
    2 * MiB - 1,
    2 * MiB,
    2 * MiB + 1,
    2 * MiB + 512 * 1024,
    9 * MiB,
  ])("in %i bytes", async (length) => {
    const content = bytes.subarray(0, length);
    const expected = await digestsOf(content, names);
    for (const piece of [50_001, 3 * MiB]) {
      expect(await digested(content, piece, names)).toEqual(expected);
      expect(await digested(content, piece, names, length)).toEqual(expected);
    }
  });

  test("in many contents at once, on however few threads", async () => {
    const contents = Array.from({ length: 20 }, (_, at) => bytes.subarray(at, at + 3 * MiB + at));
    const found = await Promise.all(contents.map((content) => digested(content, 100_000, ["md5"])));
    expect(found.map(({ values }) => values.get("md5")!.toString("hex"))).toEqual(
      contents.map((content) => createHash("md5").update(content).digest("hex")),
    );
  });

  test("in pieces of one byte", async () => {
    const content = bytes.subarray(0, 100_000);
    expect(await digested(content, 1, ["md5"])).toEqual(await digestsOf(content, ["md5"]));
  });

  test("while other contents hold all large memory", async () => {
    const rest = await Promise.all(Array.from({ length: 10 }, () => createStreamDigester(["md5"])));
    for (const digester of rest) await digester.update(bytes.subarray(0, 3 * MiB));
    expect(await digested(bytes, 100_000, names)).toEqual(await digestsOf(bytes, names));
    for (const digester of rest) digester.close();
  });

  test("with no algorithm at all", async () => {
    expect(await digested(bytes, MiB, [])).toEqual({ size: bytes.length, values: new Map() });
  });
});

describe.skipIf(availableParallelism() === 1)(
  "what is put into a stream digester's own memory is hashed where it lies,",
  () => {
    /** What it finds where pieces lie at their places, and as much is written over at once as may be. */
    async function digestedInPlace(content: Uint8Array, pieceLength: (at: number) => number): Promise<Digests> {
      const digester = await createStreamDigester(names, content.length);
      const memory = new Uint8Array(digester.memory!);
      for (let at = 0; at < content.length;) {
        const place = at % memory.length;
        // No piece crosses from one stretch into the next.
        const end = Math.min(at + pieceLength(at), content.length, at + STRETCH - (place % STRETCH));
        const piece = memory.subarray(place, place + end - at);
        piece.set(content.subarray(at, end));
        await digester.update(piece);
        const behind = (Math.floor(place / STRETCH) * STRETCH + STRETCH) % memory.length;
        memory.fill(0, behind, behind + STRETCH);
        at = end;
      }
      const digests = await digester.digest();
      digester.close();
      return digests;
    }

    test.each([
      ["a quarter of a mebibyte at a time", () => 256 * 1024],
      ["a stretch at a time", () => STRETCH],
      ["in pieces of any length", (at: number) => 1 + ((at * 7919) % 300_000)],
    ])("%s", async (_how, pieceLength) => {
      for (const length of [2 * MiB + 1, 3 * MiB, 9 * MiB - 1]) {
        const content = bytes.subarray(0, length);
        expect(await digestedInPlace(content, pieceLength)).toEqual(await digestsOf(content, names));
      }
    });

    test("and what turns out to be little as well", async () => {
      const digester = await createStreamDigester(names, 3 * MiB);
      const piece = new Uint8Array(digester.memory!, 0, 100);
      piece.set(bytes.subarray(0, 100));
      await digester.update(piece);
      expect(await digester.digest()).toEqual(await digestsOf(bytes.subarray(0, 100), names));
    });

    test("which small content and content of unknown length do without", async () => {
      expect((await createStreamDigester(names, MiB)).memory).toBeUndefined();
      expect((await createStreamDigester(names)).memory).toBeUndefined();
    });
  },
);

test("one that is released in the middle does not disturb the others", async () => {
  const given = await createStreamDigester(["md5"]);
  const left = await createStreamDigester(["md5"]);
  for (let at = 0; at < 6; at += 1) {
    await Promise.all([given.update(bytes.subarray(0, MiB)), left.update(bytes.subarray(0, MiB))]);
  }
  left.close();
  left.close();
  const md5 = createHash("md5");
  for (let at = 0; at < 6; at += 1) md5.update(bytes.subarray(0, MiB));
  expect((await given.digest()).values.get("md5")).toEqual(md5.digest());
});
