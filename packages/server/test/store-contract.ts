import { once } from "node:events";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { type Algorithm, createDigester, type Digests, TrailsumError } from "@trailsum/shared";
import { describe, expect, test } from "vitest";

import type { CommitCondition, ObjectVersion, StagedObject, Store } from "../src/index.ts";
import { content, other, readObject } from "./peer.ts";

export async function digestsOf(
  bytes: Uint8Array,
  algorithms: readonly Algorithm[] = ["md5", "sha-256"],
): Promise<Digests> {
  const digester = await createDigester(algorithms);
  digester.update(bytes);
  return digester.digest();
}

export async function stage(store: Store, path: string, bytes: Uint8Array): Promise<StagedObject> {
  const staged = await store.stage(path);
  await pipeline(Readable.from([bytes]), staged.content);
  return staged;
}

export async function put(store: Store, path: string, bytes: Uint8Array): Promise<boolean> {
  const staged = await stage(store, path, bytes);
  return (await staged.commit(await digestsOf(bytes))).created;
}

/** Registers the tests that every store must pass. */
export function storeContract(name: string, create: () => Store | Promise<Store>): void {
  describe(`${name} keeps the contract of stores`, () => {
    test("nothing is at a path before the first commit", async () => {
      const store = await create();
      expect(await store.open("a")).toBeUndefined();
      expect(await store.open("a/b/c")).toBeUndefined();
    });

    test("what is staged is not to be seen, and what is committed is, with its digests", async () => {
      const store = await create();
      const staged = await stage(store, "a/b.txt", content);
      expect(await store.open("a/b.txt")).toBeUndefined();
      const digests = await digestsOf(content);
      const before = Date.now();
      expect(await staged.commit(digests)).toEqual({ created: true });
      const object = await store.open("a/b.txt");
      expect(object).toMatchObject({ size: content.length, digests });
      expect(Math.abs(object!.modified.getTime() - before)).toBeLessThan(10_000);
      await object!.close();
      expect(await readObject(store, "a/b.txt")).toEqual(content);
    });

    test("what is discarded is never to be seen", async () => {
      const store = await create();
      const staged = await stage(store, "a", content);
      await staged.discard();
      expect(await store.open("a")).toBeUndefined();
      await staged.discard();
      await expect(staged.commit(await digestsOf(content))).rejects.toMatchObject({ name: "TrailsumError" });
      expect(await store.open("a")).toBeUndefined();
    });

    test("what is discarded half way leaves what was there", async () => {
      const store = await create();
      await put(store, "a", content);
      const staged = await store.stage("a");
      staged.content.write(other);
      await staged.discard();
      expect(staged.content.destroyed).toBe(true);
      expect(await readObject(store, "a")).toEqual(content);
    });

    test("a commit replaces what was there, and says so", async () => {
      const store = await create();
      expect(await put(store, "a", content)).toBe(true);
      expect(await put(store, "a", other)).toBe(false);
      const object = await store.open("a");
      expect(object).toMatchObject({ size: other.length, digests: await digestsOf(other) });
      await object!.close();
    });

    test("a discard after a commit does nothing", async () => {
      const store = await create();
      const staged = await stage(store, "a", content);
      await staged.commit(await digestsOf(content));
      await staged.discard();
      expect(await readObject(store, "a")).toEqual(content);
    });

    test("an open object can be read to its end after it was replaced", async () => {
      const store = await create();
      await put(store, "a", content);
      const object = await store.open("a");
      await put(store, "a", other);
      const chunks: Buffer[] = [];
      for await (const chunk of object!.createReadStream()) chunks.push(chunk as Buffer);
      expect(Buffer.concat(chunks)).toEqual(content);
    });

    test("of several commits to one path at once, one stands as a whole", async () => {
      const store = await create();
      const versions = Array.from({ length: 8 }, (_, at) => Buffer.alloc(100_000 + at, at));
      const staged = await Promise.all(versions.map((bytes) => stage(store, "a/b", bytes)));
      const committed = await Promise.all(
        staged.map(async (object, at) => object.commit(await digestsOf(versions[at]!))),
      );
      expect(committed.filter(({ created }) => created)).toHaveLength(1);
      const stored = await readObject(store, "a/b");
      expect(versions.some((bytes) => bytes.equals(stored!))).toBe(true);
      const object = await store.open("a/b");
      expect(object!.digests).toEqual(await digestsOf(stored!));
      await object!.close();
    });

    test("a condition of a commit sees what is there, with its sha-256", async () => {
      const store = await create();
      const seen: (ObjectVersion | undefined)[] = [];
      const condition: CommitCondition = { needsDigest: true, check: (current) => void seen.push(current) };
      await (await stage(store, "a", content)).commit(await digestsOf(content, ["md5"]), condition);
      await (await stage(store, "a", other)).commit(await digestsOf(other), condition);
      const { values } = await digestsOf(content);
      expect(seen).toEqual([undefined, expect.objectContaining({ size: content.length })]);
      expect(seen[1]!.digests!.values.get("sha-256")).toEqual(values.get("sha-256"));
    });

    test("a commit whose condition does not hold leaves what is there, and discards its own", async () => {
      const store = await create();
      await put(store, "a", content);
      const staged = await stage(store, "a", other);
      const error = new TrailsumError("PRECONDITION_FAILED", "it is not what was expected");
      const check = (): never => {
        throw error;
      };
      await expect(staged.commit(await digestsOf(other), { needsDigest: false, check })).rejects.toBe(error);
      expect(await readObject(store, "a")).toEqual(content);
      await expect(staged.commit(await digestsOf(other))).rejects.toMatchObject({ name: "TrailsumError" });
    });

    test("nothing is committed between the check of a condition and its commit", async () => {
      const store = await create();
      await put(store, "a", Buffer.from("0"));
      // Each of them adds one to what it has read, if that is still there, and else tries again.
      const increment = async (): Promise<void> => {
        for (;;) {
          const before = (await readObject(store, "a"))!;
          const next = Buffer.from(String(Number(before) + 1));
          const expected = (await digestsOf(before)).values.get("sha-256")!;
          const check = (current: ObjectVersion | undefined): void => {
            if (current?.digests?.values.get("sha-256")?.equals(expected) !== true)
              throw new TrailsumError("PRECONDITION_FAILED", "it is another one");
          };
          const staged = await stage(store, "a", next);
          const committed = await staged
            .commit(await digestsOf(next), { needsDigest: true, check })
            .catch((error: TrailsumError) => error);
          if (!(committed instanceof TrailsumError)) return;
          expect(committed.code).toBe("PRECONDITION_FAILED");
        }
      };
      await Promise.all(Array.from({ length: 16 }, increment));
      expect((await readObject(store, "a"))?.toString()).toBe("16");
    });

    test("an empty object is an object", async () => {
      const store = await create();
      await put(store, "a", Buffer.alloc(0));
      expect(await readObject(store, "a")).toEqual(Buffer.alloc(0));
    });

    test("a large object comes back as it was, from pieces of any size", async () => {
      const store = await create();
      const bytes = Buffer.alloc(5_000_000, "trailsum");
      const staged = await store.stage("a", { size: bytes.length });
      const pieces = (function* () {
        for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 7 + 3) % 150_000) {
          yield bytes.subarray(at, at + size);
        }
      })();
      await pipeline(Readable.from(pieces, { objectMode: false }), staged.content);
      await staged.commit(await digestsOf(bytes));
      expect((await readObject(store, "a"))!.equals(bytes)).toBe(true);
    });

    test("many tiny pieces make one object", async () => {
      const store = await create();
      const staged = await store.stage("a");
      for (let at = 0; at < 5_000; at += 1) staged.content.write(Buffer.of(at % 256));
      staged.content.end();
      await once(staged.content, "finish");
      const bytes = Buffer.from(Array.from({ length: 5_000 }, (_, at) => at % 256));
      await staged.commit(await digestsOf(bytes));
      expect(await readObject(store, "a")).toEqual(bytes);
    });

    test("names need not be ASCII, and case matters", async () => {
      const store = await create();
      await put(store, "Été/日本 %2e", content);
      expect(await readObject(store, "Été/日本 %2e")).toEqual(content);
      expect(await store.open("été/日本 %2e")).toBeUndefined();
    });
  });
}
