import { describe, expect, test } from "vitest";

import { createMemoryStore } from "../src/index.ts";
import { content, readObject } from "./peer.ts";
import { put, stage, storeContract } from "./store-contract.ts";
import { uploadStoreContract } from "./upload-store-contract.ts";

storeContract("the memory store", () => createMemoryStore());
uploadStoreContract("the memory store", () => createMemoryStore());

describe("a memory store with a bound", () => {
  test("takes what fits, and gives room back when something is replaced or discarded", async () => {
    const store = createMemoryStore({ maxBytes: 100 });
    for (let at = 0; at < 10; at += 1) {
      await put(store, "a", Buffer.alloc(50));
      await (await stage(store, "b", Buffer.alloc(50))).discard();
    }
    await put(store, "b", Buffer.alloc(50));
    expect((await readObject(store, "b"))!.length).toBe(50);
  });

  test("refuses what cannot fit at once, where the size is known", async () => {
    const store = createMemoryStore({ maxBytes: 10 });
    await expect(store.stage("a", { size: 11 })).rejects.toMatchObject({ code: "NO_SPACE", status: 507 });
  });

  test("refuses what does not fit as it comes, where it is not", async () => {
    const store = createMemoryStore({ maxBytes: 10 });
    await expect(stage(store, "a", content)).rejects.toMatchObject({ code: "NO_SPACE" });
  });
});
