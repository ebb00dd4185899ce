import { createHash } from "node:crypto";

import { describe, expect, test } from "vitest";

import { type Algorithm, createStreamDigester, type Digests } from "../src/index.ts";
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

  test("with no algorithm at all", async () => {
    expect(await digested(bytes, MiB, [])).toEqual({ size: bytes.length, values: new Map() });
  });
});

test("one that is let go of in the middle does not disturb the others", async () => {
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
