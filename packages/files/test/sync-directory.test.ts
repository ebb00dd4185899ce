import type * as FileSystem from "node:fs/promises";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";

import { tempDir } from "@trailsum/testkit";
import { beforeEach, expect, test, vi } from "vitest";

import { syncDirectory } from "../src/sync-directory.ts";

vi.mock("node:fs/promises", async (importOriginal) => {
  const original = await importOriginal<typeof FileSystem>();
  return { ...original, open: vi.fn<typeof open>(original.open) };
});

const opened = vi.mocked(open);
beforeEach(() => void opened.mockClear());

/** Syncs begin when they are allowed to: returns what lets the next one go on. */
function holdNextSync(): () => void {
  const gate = Promise.withResolvers<void>();
  opened.mockImplementationOnce(async () => {
    await gate.promise;
    return { sync: async () => {}, close: async () => {} } as FileHandle;
  });
  return gate.resolve;
}

test("all who ask during a sync share the one that follows, which begins after it", async () => {
  const directory = await tempDir();
  const release = holdNextSync();
  const first = syncDirectory(directory);
  let followed = 0;
  const others = Array.from({ length: 20 }, () => syncDirectory(directory).then(() => (followed += 1)));
  await new Promise((resolve) => setImmediate(resolve));
  expect(opened).toHaveBeenCalledTimes(1);
  expect(followed).toBe(0);
  release();
  await first;
  await Promise.all(others);
  expect(opened).toHaveBeenCalledTimes(2);
});

test("one that is asked for after another has ended is a new one", async () => {
  const directory = await tempDir();
  for (let count = 1; count <= 3; count += 1) {
    await syncDirectory(directory);
    expect(opened).toHaveBeenCalledTimes(count);
  }
});

test("directories do not wait for each other", async () => {
  const release = holdNextSync();
  const waiting = syncDirectory(await tempDir());
  await expect(syncDirectory(await tempDir())).resolves.toBeUndefined();
  release();
  await waiting;
});

test("the one that follows a failed sync is made all the same, and each fails for itself", async () => {
  const directory = join(await tempDir(), "missing");
  const outcomes = await Promise.allSettled([syncDirectory(directory), syncDirectory(directory)]);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(opened).toHaveBeenCalledTimes(2);
  await expect(syncDirectory(directory)).rejects.toMatchObject({ code: "ENOENT" });
});
