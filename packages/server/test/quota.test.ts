import { describe, expect, test } from "vitest";

import { createMemoryStore } from "../src/index.ts";
import { createQuotaStore } from "../src/stores/quota/quota-store.ts";
import { directoryFixture, md5, readObject } from "./peer.ts";
import { put, stage, storeContract } from "./store-contract.ts";
import { uploadStoreContract } from "./upload-store-contract.ts";
import { serve, servers } from "./uploads/serving.ts";

storeContract("a store with a quota", () => createQuotaStore(createMemoryStore(), 1e12));
uploadStoreContract("a store with a quota", () => createQuotaStore(createMemoryStore(), 1e12));

const of = (size: number): Buffer => Buffer.alloc(size, "x");
const full = { code: "NO_SPACE", status: 507 };

describe("a store with a quota", () => {
  test("counts what was there before it, and refuses at once what cannot fit", async () => {
    const { store: directory } = await directoryFixture();
    await put(directory, "deep/below", of(60));
    const store = createQuotaStore(directory, 100);
    await expect(store.stage("a", { size: 41 })).rejects.toMatchObject(full);
    await put(store, "a", of(40));
    await expect(store.stage("b", { size: 1 })).rejects.toMatchObject(full);
  });

  test("refuses as it comes what has no size, and counts what is being received", async () => {
    const store = createQuotaStore(createMemoryStore(), 100);
    await expect(stage(store, "a", of(101))).rejects.toMatchObject(full);
    const staged = await stage(store, "a", of(70));
    await expect(store.stage("b", { size: 31 })).rejects.toMatchObject(full);
    await staged.discard();
    const sized = await store.stage("b", { size: 90 });
    await expect(stage(store, "c", of(11))).rejects.toMatchObject(full);
    await sized.discard();
    await put(store, "c", of(100));
  });

  test("gives room back when an object is replaced or removed", async () => {
    const store = createQuotaStore(createMemoryStore(), 100);
    for (let at = 0; at < 5; at += 1) await put(store, "a", of(50));
    await put(store, "b", of(50));
    await expect(store.stage("c", { size: 1 })).rejects.toMatchObject(full);
    await store.remove("b");
    await put(store, "c", of(50));
  });

  test("counts uploads that are not complete, until they are discarded", async () => {
    const store = createQuotaStore(createMemoryStore(), 100);
    const id = "0".repeat(32);
    const upload = await store.uploads.create(id, "", { path: "a" });
    const append = await upload.append();
    await new Promise<void>((resolve) => append.end(of(60), resolve));
    await expect.poll(() => store.uploads.free()).toBe(40);
    await expect(store.stage("b", { size: 41 })).rejects.toMatchObject(full);
    await upload.truncate(10);
    expect(await store.uploads.free()).toBe(90);
    await (await store.uploads.open(id))!.discard();
    expect(await store.uploads.free()).toBe(100);
  });
});

describe.each(servers)("an upload that is over the quota of %s", (kind) => {
  test("is refused with 507 before its content is sent, and leaves what is there", async () => {
    const { send, store } = await serve(kind, { quota: 100 });
    const fields = (bytes: Buffer): string[] => [`Md5: ${md5(bytes)}`];
    expect((await send("PUT /a", fields(of(60)), of(60))).status).toBe(201);
    const waiting = await send("PUT /a", ["Expect: 100-continue", "Content-Length: 41", ...fields(of(41))]);
    expect([waiting.status, waiting.interim]).toEqual([507, []]);
    const parts = ["Upload-Draft-Interop-Version: 8", "Upload-Complete: ?0"];
    expect((await send("PUT /b", [...parts, "Upload-Length: 41"])).status).toBe(507);
    expect((await send("DELETE /a")).status).toBe(204);
    expect((await send("PUT /b", fields(of(41)), of(41))).status).toBe(201);
    expect(await readObject(store, "b")).toEqual(of(41));
  });
});
