import { randomBytes, randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";

import type { ObjectVersion, StagedObject, Store } from "@trailsum/server";
import { TrailsumError } from "@trailsum/shared";
import { HttpResponse } from "msw";
import { beforeEach, describe, expect, test } from "vitest";

import { readObject } from "../../server/test/peer.ts";
import { digestsOf, put, stage, storeContract } from "../../server/test/store-contract.ts";
import { uploadStoreContract } from "../../server/test/upload-store-contract.ts";
import { createS3Store, type S3StoreOptions } from "../src/index.ts";
import { bucket, conditionalStorage, refused } from "./conditional-storage.ts";

const PART = 64 * 1024;
const large = randomBytes(3 * PART + 1);
const storage = conditionalStorage();
const create = (options: Partial<S3StoreOptions> = {}): Promise<Store> =>
  createS3Store({ client: storage.client, bucket, prefix: randomUUID(), partSize: PART, ...options });

beforeEach(() => storage.reset());

storeContract("the S3 store on a storage with conditions", create);
uploadStoreContract("the S3 store on a storage with conditions", create);

async function stageInto(staged: StagedObject, bytes: Buffer): Promise<void> {
  await pipeline(Readable.from([bytes]), staged.content);
}

/** The keys of objects, without those of the store itself. */
const visible = (): string[] => [...storage.objects.keys()].filter((key) => !key.includes("/.trailsum/"));

describe("the S3 store on a storage with faults", () => {
  test.each([
    ["500", () => refused(500, "InternalError")],
    ["SlowDown", () => refused(503, "SlowDown")],
    ["RequestTimeout", () => refused(400, "RequestTimeout")],
  ])("tries a part again after %s, and gives up after a bounded number of times", async (_name, response) => {
    const store = await create();
    let failures = 2;
    storage.fault = (what) => (what === "UploadPart 2" && (failures -= 1) >= 0 ? response() : undefined);
    await put(store, "a", large);
    expect((await readObject(store, "a"))!.equals(large)).toBe(true);

    storage.fault = (what) => (what === "UploadPart 2" ? response() : undefined);
    const before = storage.operations.length;
    const staged = await store.stage("b");
    const failed = await Promise.allSettled([stageInto(staged, large)]);
    expect(failed[0]).toMatchObject({ status: "rejected", reason: { code: "UNAVAILABLE", status: 503 } });
    await staged.discard();
    expect(storage.operations.slice(before).filter((what) => what === "UploadPart 2")).toHaveLength(3);
    expect([visible().filter((key) => key.endsWith("/b")), storage.uploads.size]).toEqual([[], 0]);
  });

  test("gives up a request that is not answered in time", async () => {
    const store = await create({ timeout: 200 });
    storage.fault = (what) => (what === "PutObject" ? new Promise<Response>(() => {}) : undefined);
    const staged = await stage(store, "a", Buffer.from("content"));
    const commit = staged.commit(await digestsOf(Buffer.from("content")));
    await expect(commit).rejects.toMatchObject({ code: "UNAVAILABLE", message: expect.stringContaining("timed out") });
    expect(visible()).toEqual([]);
  });

  test("does not complete an upload of which the storage lost a part", async () => {
    const store = await create();
    const staged = await stage(store, "a", large);
    for (const upload of storage.uploads.values()) upload.parts.delete(2);
    await expect(staged.commit(await digestsOf(large))).rejects.toMatchObject({ code: "INTERNAL" });
    expect([visible(), storage.uploads.size]).toEqual([[], 0]);
  });

  test("removes an object that has not all of its bytes, whatever the storage says", async () => {
    const store = await create();
    const staged = await stage(store, "a", large);
    for (const upload of storage.uploads.values())
      upload.parts.set(2, { ...upload.parts.get(2)!, bytes: Buffer.alloc(1) });
    await expect(staged.commit(await digestsOf(large))).rejects.toMatchObject({ code: "STORED_BYTES_DIFFER" });
    expect(visible()).toEqual([]);
  });

  test("stops at a part whose entity tag says that other bytes were received", async () => {
    const store = await create();
    const headers = { ETag: `"${"0".repeat(32)}"` };
    storage.fault = (what) => (what === "UploadPart 1" ? new HttpResponse(null, { headers }) : undefined);
    const staged = await store.stage("a");
    await expect(stageInto(staged, large)).rejects.toMatchObject({ code: "STORED_BYTES_DIFFER", status: 503 });
    await staged.discard();
    expect([visible(), storage.uploads.size]).toEqual([[], 0]);
  });

  test.each([
    ["PutObject", large.subarray(0, 10)],
    ["CompleteMultipartUpload", large],
  ])("a %s whose response is lost was done all the same", async (operation, bytes) => {
    const store = await create();
    const staged = await stage(store, "a", bytes);
    let lost = 0;
    storage.fault = (what, request) => {
      if (what !== operation || lost > 0 || request.url.includes("digests")) return undefined;
      lost += 1;
      storage.fault = () => undefined;
      return fetch(request).then(() => HttpResponse.error());
    };
    expect(await staged.commit(await digestsOf(bytes))).toEqual({ created: true });
    expect((await readObject(store, "a"))!.equals(bytes)).toBe(true);
    expect(lost).toBe(1);
  });

  test("a download continues where a connection was lost", async () => {
    const store = await create();
    const bytes = randomBytes(1_000_000);
    await put(store, "a", bytes);
    let cut = false;
    storage.fault = (what, request) => {
      if (what !== "GetObject" || cut || request.headers.get("range")?.startsWith("bytes=0-") !== false)
        return undefined;
      cut = true;
      const [, start] = /=(\d+)-/.exec(request.headers.get("range")!)!;
      const part = bytes.subarray(Number(start), Number(start) + 1_000);
      const range = `bytes ${start}-${bytes.length - 1}/${bytes.length}`;
      return new HttpResponse(new Uint8Array(part), { status: 206, headers: { "Content-Range": range } });
    };
    expect((await readObject(store, "a"))!.equals(bytes)).toBe(true);
    expect(cut).toBe(true);
  });

  test("a large object that is replaced while it is read is not read to its end", async () => {
    const store = await create();
    await put(store, "a", randomBytes(1_000_000));
    const object = (await store.open("a"))!;
    await put(store, "a", large);
    const read = async (): Promise<void> => {
      for await (const _piece of object.createReadStream());
    };
    await expect(read()).rejects.toMatchObject({ code: "UNAVAILABLE", message: expect.stringContaining("replaced") });
  });

  test.each(["small", "large"])("two stores on one bucket lose no %s update that has a condition", async (size) => {
    const prefix = randomUUID();
    const stores = await Promise.all([create({ prefix }), create({ prefix })]);
    const padding = size === "large" ? " ".repeat(2 * PART) : "";
    await put(stores[0], "a", Buffer.from(`0${padding}`));
    // What another process writes between the check and the write, which no lock of this process prevents.
    let intruded = false;
    storage.fault = (what, request) => {
      if (intruded || !request.headers.has("if-match") || !/\/a\?/.test(request.url) || what === "GetObject")
        return undefined;
      intruded = true;
      const [key, there] = [...storage.objects].find(([each]) => each.endsWith("/a"))!;
      storage.objects.set(key, { ...there, etag: '"another"' });
      return undefined;
    };
    const staged = await stage(stores[1], "a", Buffer.from(`1${padding}`));
    const seen: (ObjectVersion | undefined)[] = [];
    const check = (current: ObjectVersion | undefined): void => {
      seen.push(current);
      if (seen.length > 1) throw new TrailsumError("PRECONDITION_FAILED", "it has changed");
    };
    const commit = staged.commit(await digestsOf(Buffer.from(`1${padding}`)), {
      condition: { needsDigest: false, check },
    });
    await expect(commit).rejects.toMatchObject({ code: "PRECONDITION_FAILED" });
    expect([intruded, seen.length, storage.uploads.size]).toEqual([true, 2, 0]);
  });

  test("removes what a process that was killed has left, and not what is in use", async () => {
    const prefix = randomUUID();
    const killed = await create({ prefix, reclaimAfter: Number.POSITIVE_INFINITY });
    await stage(killed, "a", large);
    const kept = await (await stage(killed, "b", large)).keep("0".repeat(32), "");
    expect(storage.uploads.size).toBe(2);
    await sleep(5);
    await create({ prefix, reclaimAfter: 1 });
    await expect.poll(() => storage.uploads.size).toBe(1);
    expect(await kept.commit("b", { digests: await digestsOf(large) })).toEqual({ created: true });
    expect((await readObject(killed, "b"))!.equals(large)).toBe(true);
  });
});
