import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { finished, pipeline } from "node:stream/promises";

import { TrailsumError } from "@trailsum/shared";
import { describe, expect, test } from "vitest";

import type { Store, StoredUpload, UploadEntry, UploadStore } from "../src/index.ts";
import { content, other, readObject } from "./peer.ts";
import { digestsOf, put, stage } from "./store-contract.ts";

const newId = (): string => randomBytes(16).toString("hex");

async function append(upload: StoredUpload, bytes: Uint8Array): Promise<void> {
  await pipeline(Readable.from([bytes]), await upload.append());
}

async function contentOf(upload: StoredUpload, part = {}): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of upload.read(part)) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

async function entriesOf(uploads: UploadStore): Promise<UploadEntry[]> {
  const entries: UploadEntry[] = [];
  for await (const entry of uploads.entries()) entries.push(entry);
  return entries;
}

/** Registers the tests that the uploads of every store must pass. */
export function uploadStoreContract(name: string, create: () => Store | Promise<Store>): void {
  describe(`${name} keeps the contract of upload stores`, () => {
    test("an upload is found by its id, with its description, and no other is", async () => {
      const { uploads } = await create();
      const id = newId();
      await uploads.create(id, "what", { path: "a/b" });
      expect(await uploads.open(id)).toMatchObject({ id, size: 0, description: "what", published: false });
      expect(await uploads.open(newId())).toBeUndefined();
      for (const wrong of ["", "..", `${id}.json`, "../staging"]) expect(await uploads.open(wrong)).toBeUndefined();
    });

    test("content is appended piece by piece, to be seen by who opens the upload next, and not as an object", async () => {
      const store = await create();
      const upload = await store.uploads.create(newId(), "", { path: "a" });
      const large = randomBytes(3_000_000);
      for (const piece of [content, large, other]) await append(upload, piece);
      const all = Buffer.concat([content, large, other]);
      expect(upload.size).toBe(all.length);
      const opened = (await store.uploads.open(upload.id))!;
      expect(opened.size).toBe(all.length);
      expect((await contentOf(opened)).equals(all)).toBe(true);
      expect((await contentOf(opened, { start: 5, end: 100_000 })).equals(all.subarray(5, 100_000))).toBe(true);
      expect(await store.open("a")).toBeUndefined();
    });

    test("an append reports what is durable, which never decreases", async () => {
      const { uploads } = await create();
      const upload = await uploads.create(newId(), "", { path: "a" });
      await append(upload, content);
      const stream = await upload.append();
      const before = stream.durable;
      expect(before).toBe(content.length);
      stream.end(other);
      await finished(stream);
      expect(stream.durable).toBe(content.length + other.length);
    });

    test("an append that is destroyed leaves what was written of it, in order", async () => {
      const { uploads } = await create();
      const upload = await uploads.create(newId(), "", { path: "a" });
      await append(upload, content);
      const stream = await upload.append();
      const large = randomBytes(500_000);
      await new Promise<void>((resolve) => void stream.write(large, () => resolve()));
      stream.destroy();
      await finished(stream).catch(() => {});
      const opened = (await uploads.open(upload.id))!;
      expect(upload.size).toBe(opened.size);
      expect(opened.size).toBeGreaterThanOrEqual(content.length);
      const all = Buffer.concat([content, large]);
      expect((await contentOf(opened)).equals(all.subarray(0, opened.size))).toBe(true);
    });

    test("content can be removed from the end, and appended to after that", async () => {
      const { uploads } = await create();
      const upload = await uploads.create(newId(), "", { path: "a" });
      const large = randomBytes(200_000);
      await append(upload, large);
      await upload.truncate(70_000);
      await append(upload, content);
      const opened = (await uploads.open(upload.id))!;
      expect(await contentOf(opened)).toEqual(Buffer.concat([large.subarray(0, 70_000), content]));
      await opened.truncate(0);
      expect(await contentOf(opened)).toEqual(Buffer.alloc(0));
    });

    test("a description is replaced as a whole", async () => {
      const { uploads } = await create();
      const upload = await uploads.create(newId(), "one", { path: "a" });
      await upload.describe("x".repeat(60_000));
      expect((await uploads.open(upload.id))!.description).toBe("x".repeat(60_000));
      await upload.describe("two");
      expect(upload.description).toBe("two");
      expect((await uploads.open(upload.id))!.description).toBe("two");
    });

    test("a commit publishes the content with its digests and fields, and leaves the description", async () => {
      const store = await create();
      const upload = await store.uploads.create(newId(), "kept", { path: "a/b", size: content.length });
      await append(upload, content);
      const digests = await digestsOf(content);
      const fields = [["Content-Type", "text/plain"]] as const;
      expect(await upload.commit("a/b", { digests, fields })).toEqual({ created: true });
      expect(await readObject(store, "a/b")).toEqual(content);
      const object = (await store.open("a/b"))!;
      await object.close();
      expect(object).toMatchObject({ digests, fields });
      expect(object.verified).toBeInstanceOf(Date);
      expect(await store.uploads.open(upload.id)).toMatchObject({ description: "kept", published: true, size: 0 });
      await upload.discard();
      expect(await store.uploads.open(upload.id)).toBeUndefined();
      expect(await readObject(store, "a/b")).toEqual(content);
    });

    test("a commit whose condition does not hold leaves the upload and the object", async () => {
      const store = await create();
      await put(store, "a", other);
      const upload = await store.uploads.create(newId(), "", { path: "a" });
      await append(upload, content);
      const error = new TrailsumError("PRECONDITION_FAILED", "it has changed");
      const check = (): never => {
        throw error;
      };
      const digests = await digestsOf(content);
      await expect(upload.commit("a", { digests, condition: { needsDigest: false, check } })).rejects.toBe(error);
      expect(await readObject(store, "a")).toEqual(other);
      expect(await contentOf((await store.uploads.open(upload.id))!)).toEqual(content);
      expect(await upload.commit("a", { digests, verified: false })).toEqual({ created: false });
      expect(await readObject(store, "a")).toEqual(content);
    });

    test("an upload that is discarded is gone, with its content", async () => {
      const { uploads } = await create();
      const upload = await uploads.create(newId(), "", { path: "a" });
      await append(upload, content);
      await upload.discard();
      expect(await uploads.open(upload.id)).toBeUndefined();
      expect(await entriesOf(uploads)).toEqual([]);
    });

    test("all uploads are listed, with how much content there is", async () => {
      const { uploads } = await create();
      const ids = [newId(), newId()];
      const [first] = await Promise.all(ids.map((id) => uploads.create(id, `of ${id}`, { path: "a" })));
      await append(first!, content);
      const entries = await entriesOf(uploads);
      expect(new Map(entries.map(({ id, description, size }) => [id, [description, size]]))).toEqual(
        new Map(ids.map((id, at) => [id, [`of ${id}`, at === 0 ? content.length : 0]])),
      );
      for (const { modified } of entries) expect(Math.abs(modified.getTime() - Date.now())).toBeLessThan(60_000);
    });

    test("a staged object becomes an upload, and nothing is left of it elsewhere", async () => {
      const store = await create();
      const staged = await stage(store, "a/b", content);
      const id = newId();
      const upload = await staged.keep(id, "kept");
      expect(upload).toMatchObject({ id, size: content.length, description: "kept" });
      await staged.discard();
      await expect(staged.commit(await digestsOf(content))).rejects.toMatchObject({ name: "TrailsumError" });
      const opened = (await store.uploads.open(id))!;
      expect(await contentOf(opened)).toEqual(content);
      await append(opened, other);
      const all = Buffer.concat([content, other]);
      await opened.commit("a/b", { digests: await digestsOf(all) });
      expect(await readObject(store, "a/b")).toEqual(all);
    });

    test("one request at a time uses an upload, in the order of asking, and is asked to stop", async () => {
      const { uploads } = await create();
      const { id } = await uploads.create(newId(), "", { path: "a" });
      const log: string[] = [];
      const take = async (at: number): Promise<void> => {
        const wanted = Promise.withResolvers<void>();
        const turn = await uploads.take(id, () => wanted.resolve());
        log.push(`begins ${at}`);
        if (at < 3) await wanted.promise;
        log.push(`ends ${at}`);
        await turn.release();
      };
      await Promise.all([1, 2, 3].map(take));
      expect(log).toEqual([1, 2, 3].flatMap((at) => [`begins ${at}`, `ends ${at}`]));
    });

    test("says how many bytes there is room for", async () => {
      expect(await (await create()).uploads.free()).toBeGreaterThan(0);
    });
  });
}
