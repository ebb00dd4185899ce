import { once } from "node:events";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { type Algorithm, createDigester, type Digests, type FieldLine, TrailsumError } from "@trailsum/shared";
import { describe, expect, test } from "vitest";

import type {
  CommitCondition,
  ListEntry,
  ListOptions,
  ObjectVersion,
  StagedObject,
  StageOptions,
  Store,
} from "../src/index.ts";
import { content, other, readObject } from "./peer.ts";

export async function digestsOf(
  bytes: Uint8Array,
  algorithms: readonly Algorithm[] = ["md5", "sha-256"],
): Promise<Digests> {
  const digester = await createDigester(algorithms);
  digester.update(bytes);
  return digester.digest();
}

export async function stage(
  store: Store,
  path: string,
  bytes: Uint8Array,
  options?: StageOptions,
): Promise<StagedObject> {
  const staged = await store.stage(path, options);
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
      await (await stage(store, "a", content)).commit(await digestsOf(content, ["md5"]), { condition });
      await (await stage(store, "a", other)).commit(await digestsOf(other), { condition });
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
      const condition = { needsDigest: false, check };
      await expect(staged.commit(await digestsOf(other), { condition })).rejects.toBe(error);
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
              throw new TrailsumError("PRECONDITION_FAILED", "it has changed");
          };
          const staged = await stage(store, "a", next);
          const committed = await staged
            .commit(await digestsOf(next), { condition: { needsDigest: true, check } })
            .catch((error: TrailsumError) => error);
          if (!(committed instanceof TrailsumError)) return;
          expect(committed.code).toBe("PRECONDITION_FAILED");
        }
      };
      await Promise.all(Array.from({ length: 16 }, increment));
      expect((await readObject(store, "a"))?.toString()).toBe("16");
    });

    test("fields are kept with the object, and replaced with it", async () => {
      const store = await create();
      const fields: FieldLine[] = [
        ["Content-Type", "text/plain; charset=utf-8"],
        ["x-amz-meta-note", "one"],
        ["x-amz-meta-note", "two"],
      ];
      await (await stage(store, "a", content, { fields })).commit(await digestsOf(content));
      const object = await store.open("a", { digest: true });
      await object!.close();
      expect(object!.fields).toEqual(fields);
      await put(store, "a", other);
      const replaced = await store.open("a");
      await replaced!.close();
      expect(replaced!.fields).toEqual([]);
    });

    test("more than 8 KiB of fields are refused before anything is staged", async () => {
      const store = await create();
      const fields: FieldLine[] = [["Content-Type", "x".repeat(8 * 1024)]];
      await expect(store.stage("a", { fields })).rejects.toMatchObject({ code: "TOO_LARGE", status: 431 });
    });

    test("an object says when it was verified, if it was", async () => {
      const store = await create();
      const before = Date.now();
      await put(store, "a", content);
      await (await stage(store, "b", content)).commit(await digestsOf(content), { verified: false });
      const [verified, unverified] = await Promise.all([store.open("a"), store.open("b")]);
      await Promise.all([verified!.close(), unverified!.close()]);
      expect(verified!.verified!.getTime()).toBeGreaterThanOrEqual(before);
      expect(verified!.verified!.getTime()).toBeLessThanOrEqual(Date.now());
      expect(unverified!.verified).toBeUndefined();
    });

    test.each([
      [0, 1],
      [0, 0],
      [199_999, 200_000],
      [200_000, 200_000],
      [65_535, 65_537],
      [65_536, 131_072],
      [70_000, undefined],
      [undefined, 70_000],
      [undefined, undefined],
    ])("a part from %s to %s is read", async (start, end) => {
      const store = await create();
      const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, at) => at % 251));
      await put(store, "a", bytes);
      const object = await store.open("a");
      const chunks: Buffer[] = [];
      for await (const chunk of object!.createReadStream({ start, end })) chunks.push(chunk as Buffer);
      expect(Buffer.concat(chunks).equals(bytes.subarray(start ?? 0, end))).toBe(true);
    });

    test("what is removed is gone, and what opened it before can still be read", async () => {
      const store = await create();
      await put(store, "a/b", content);
      const open = await store.open("a/b");
      expect(await store.remove("a/b")).toBe(true);
      expect(await store.open("a/b")).toBeUndefined();
      expect(await store.remove("a/b")).toBe(false);
      expect(await store.remove("a/b/c")).toBe(false);
      expect(await store.remove("nothing")).toBe(false);
      const chunks: Buffer[] = [];
      for await (const chunk of open!.createReadStream()) chunks.push(chunk as Buffer);
      expect(Buffer.concat(chunks)).toEqual(content);
      expect(await put(store, "a/b", other)).toBe(true);
    });

    test("a condition of a removal sees what is there, and prevents it by throwing", async () => {
      const store = await create();
      await put(store, "a", content);
      const seen: (ObjectVersion | undefined)[] = [];
      const error = new TrailsumError("PRECONDITION_FAILED", "it is not what was expected");
      const check = (current: ObjectVersion | undefined): never => {
        seen.push(current);
        throw error;
      };
      await expect(store.remove("a", { needsDigest: true, check })).rejects.toBe(error);
      await expect(store.remove("b", { needsDigest: true, check })).rejects.toBe(error);
      expect(seen).toEqual([expect.objectContaining({ size: content.length }), undefined]);
      expect(await readObject(store, "a")).toEqual(content);
    });

    test("of several removals with a condition on one version, one removes it", async () => {
      const store = await create();
      await put(store, "a", content);
      const check = (current: ObjectVersion | undefined): void => {
        if (current === undefined) throw new TrailsumError("PRECONDITION_FAILED", "it is gone");
      };
      const removed = await Promise.all(
        Array.from({ length: 8 }, () =>
          store.remove("a", { needsDigest: false, check }).catch((error: TrailsumError) => error.code),
        ),
      );
      expect(removed.filter((result) => result === true)).toHaveLength(1);
      expect(removed.filter((result) => result === "PRECONDITION_FAILED")).toHaveLength(7);
    });

    const names = async (store: Store, directory: string, options?: ListOptions): Promise<string[] | undefined> => {
      const listed = await store.list(directory, options);
      if (listed === undefined) return undefined;
      const found: string[] = [];
      for await (const entry of listed) found.push(entry.kind === "directory" ? `${entry.name}/` : entry.name);
      return found;
    };

    test("a directory lists what is in it, in the order of the bytes of the names", async () => {
      const store = await create();
      expect(await names(store, "")).toEqual([]);
      const paths = ["b", "a/x", "a-b", "a.txt", "a/y/z", "\u{1f600}", "\uff01", "B", "ä"];
      for (const path of paths) await put(store, path, content);
      expect(await names(store, "")).toEqual(["B", "a-b", "a.txt", "a/", "b", "ä", "\uff01", "\u{1f600}"]);
      expect(await names(store, "a")).toEqual(["x", "y/"]);
      expect(await names(store, "a/y")).toEqual(["z"]);
      expect(await names(store, "b")).toBeUndefined();
      expect(await names(store, "nothing")).toBeUndefined();
      expect(await names(store, "", { recursive: true })).toEqual([
        "B",
        "a-b",
        "a.txt",
        "a/x",
        "a/y/z",
        "b",
        "ä",
        "\uff01",
        "\u{1f600}",
      ]);
      expect(await names(store, "a", { recursive: true })).toEqual(["x", "y/z"]);
    });

    test("a listing can begin after any key", async () => {
      const store = await create();
      const paths = ["a", "b-c", "b/a", "b/b/a", "b/b/b", "b/c", "b0", "c"].toSorted();
      for (const path of paths) await put(store, path, content);
      for (const after of [...paths, "", "b", "b/", "b/a/", "b/b", "b/b/", "b/b/aa", "b/bb", "b1", "d"]) {
        const expected = paths.filter((path) => path > after);
        expect([after, await names(store, "", { recursive: true, after })]).toEqual([after, expected]);
      }
      expect(await names(store, "", { after: "a" })).toEqual(["b-c", "b/", "b0", "c"]);
      expect(await names(store, "", { after: "b/" })).toEqual(["b0", "c"]);
    });

    test("a listing says what is known of each object", async () => {
      const store = await create();
      await put(store, "a/b", content);
      const listed: ListEntry[] = [];
      for await (const entry of (await store.list("a"))!) listed.push(entry);
      const object = (await store.open("a/b"))!;
      await object.close();
      const { size, modified, digests, verified } = object;
      const [{ fields = [], ...entry } = {}] = listed;
      expect([entry, listed.length]).toEqual([{ name: "b", kind: "object", size, modified, digests, verified }, 1]);
      expect(fields).toEqual([]);
    });

    test("a directory is made once, and is there without objects", async () => {
      const store = await create();
      expect(await store.makeDirectory("a/b")).toBe(true);
      expect(await store.makeDirectory("a/b")).toBe(false);
      expect(await names(store, "")).toEqual(["a/"]);
      expect(await names(store, "a")).toEqual(["b/"]);
      expect(await names(store, "", { recursive: true })).toEqual([]);
      await put(store, "a/b/c", content);
      await expect(store.makeDirectory("a/b/c/d")).rejects.toMatchObject({ code: "CONFLICT" });
    });

    test("a directory is removed with the empty ones in it, and not with objects", async () => {
      const store = await create();
      await put(store, "a/b/c", content);
      await store.makeDirectory("a/d/e");
      await expect(store.removeDirectory("a")).rejects.toMatchObject({ code: "CONFLICT" });
      expect(await readObject(store, "a/b/c")).toEqual(content);
      await store.remove("a/b/c");
      await store.makeDirectory("a/b");
      expect(await store.removeDirectory("a")).toBe(true);
      expect(await store.removeDirectory("a")).toBe(false);
      expect(await store.list("a")).toBeUndefined();
      expect(await names(store, "")).toEqual([]);
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
