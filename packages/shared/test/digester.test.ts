import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  type Algorithm,
  algorithms,
  allAlgorithms,
  createDigester,
  digestLength,
  isAlgorithm,
  parseAlgorithm,
  TrailsumError,
} from "../src/index.ts";
import { digestsOf } from "./message.ts";

describe("the digester", () => {
  test("finds the same in any chunking of any bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }), async (pieces) => {
        const digester = await createDigester(allAlgorithms);
        for (const piece of pieces) digester.update(piece);
        expect(digester.digest()).toEqual(await digestsOf(Buffer.concat(pieces)));
      }),
    );
  });

  test("keeps contents apart whose hashers are used again, in any order", async () => {
    const contents = Array.from({ length: 20 }, (_, at) => Buffer.alloc(100 + at, at));
    for (let round = 0; round < 2; round += 1) {
      const digesters = await Promise.all(contents.map(() => createDigester(allAlgorithms)));
      for (const [at, digester] of digesters.entries()) digester.update(contents[at]!.subarray(0, 50));
      for (const [at, digester] of [...digesters.entries()].toReversed()) digester.update(contents[at]!.subarray(50));
      for (const [at, digester] of digesters.entries())
        expect(digester.digest()).toEqual(await digestsOf(contents[at]!));
    }
  });

  test.each(["crc32c", "crc64nvme", "adler", "xxhash3"] as const)(
    "takes nothing after its digest of %s",
    async (name) => {
      const digester = await createDigester([name]);
      digester.update(Buffer.from("abc"));
      const { values } = digester.digest();
      const next = await createDigester([name]);
      expect(() => digester.update(Buffer.from("x"))).toThrow("the digest was taken before");
      next.update(Buffer.from("abc"));
      expect(next.digest().values).toEqual(values);
    },
  );

  test("counts as it goes, and only counts when no algorithm is asked for", async () => {
    const digester = await createDigester([]);
    expect(digester.size).toBe(0);
    digester.update(Buffer.from("abc"));
    expect(digester.size).toBe(3);
    digester.update(Buffer.from("de"));
    expect(digester.digest()).toEqual({ size: 5, values: new Map() });
  });

  test("has read a chunk when update returns, so that its buffer can be used again", async () => {
    const digester = await createDigester(allAlgorithms);
    const chunk = Buffer.from("abc");
    digester.update(chunk);
    chunk.fill("x");
    expect(digester.digest()).toEqual(await digestsOf(Buffer.from("abc")));
  });

  test("reads the bytes of a view, not those of the buffer beneath it", async () => {
    const pool = Buffer.from("..hello..");
    const digester = await createDigester(allAlgorithms);
    digester.update(new Uint8Array(pool.buffer, pool.byteOffset + 2, 5));
    expect(digester.digest()).toEqual(await digestsOf(Buffer.from("hello")));
  });

  test("two of them at work at the same time do not disturb each other", async () => {
    const [one, other] = await Promise.all([createDigester(allAlgorithms), createDigester(allAlgorithms)]);
    one.update(Buffer.from("on"));
    other.update(Buffer.from("oth"));
    one.update(Buffer.from("e"));
    other.update(Buffer.from("er"));
    expect(one.digest()).toEqual(await digestsOf(Buffer.from("one")));
    expect(other.digest()).toEqual(await digestsOf(Buffer.from("other")));
  });

  test("gives the digests in the order in which they were asked for, each once", async () => {
    const digester = await createDigester(["sha-256", "md5", "sha-256"]);
    expect([...digester.digest().values.keys()]).toEqual(["sha-256", "md5"]);
  });
});

describe("the algorithms", () => {
  test("are these seven, and each digest has its length", async () => {
    expect(algorithms).toEqual(["md5", "sha", "sha-256", "sha-512", "crc32c", "crc32", "crc64nvme"]);
    const { values } = await digestsOf(Buffer.from("x"));
    for (const name of algorithms) expect(values.get(name)).toHaveLength(digestLength(name));
  });

  test.each(["", "SHA-256", "sha256", "constructor", "__proto__", "toString", "unixsum"])(
    "%j is not the name of one",
    (name) => expect(isAlgorithm(name)).toBe(false),
  );

  test.each<[string, Algorithm]>([
    ["MD5", "md5"],
    [" Sha-256 ", "sha-256"],
    ["crc64NVME", "crc64nvme"],
  ])("%j, as a person writes it, is understood", (text, algorithm) => expect(parseAlgorithm(text)).toBe(algorithm));

  test.each(["", "sha256", "constructor", "__proto__"])("%j is refused, and the known ones are listed", (text) => {
    expect(() => parseAlgorithm(text)).toThrow(TrailsumError);
    expect(() => parseAlgorithm(text)).toThrow(
      `"${text}": use one of md5, sha, sha-256, sha-512, crc32c, crc32, crc64nvme`,
    );
  });
});
