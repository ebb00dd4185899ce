import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { lstat, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { holdLockFile } from "@trailsum/files";
import { tempDir } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { type ListEntry, type Store } from "../src/index.ts";
import { content, directoryFixture, other, readObject } from "./peer.ts";
import { put } from "./store-contract.ts";

const entries = async (store: Store, directory: string, recursive = false): Promise<ListEntry[]> => {
  const found: ListEntry[] = [];
  for await (const entry of (await store.list(directory, { recursive }))!) found.push(entry);
  return found;
};

const listed = async (...given: Parameters<typeof entries>): Promise<string[]> =>
  (await entries(...given)).map(({ name, kind }) => (kind === "directory" ? `${name}/` : name));

describe("a directory store removes", () => {
  test("the file and its record", async () => {
    const { directory, store, records } = await directoryFixture();
    await put(store, "a/b", content);
    expect(await store.remove("a/b")).toBe(true);
    expect(await records()).toEqual([]);
    await expect(lstat(join(directory, "a/b"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("a link, and not the file that it leads to", async () => {
    const { directory, store } = await directoryFixture();
    await put(store, "file", content);
    await symlink("file", join(directory, "link"));
    expect(await store.remove("link")).toBe(true);
    expect(await store.open("link")).toBeUndefined();
    expect(await readObject(store, "file")).toEqual(content);
  });

  test("nothing outside, no directory, and nothing of its own", async () => {
    const { directory, store } = await directoryFixture();
    const outside = await tempDir();
    await writeFile(join(outside, "secret"), "secret");
    await symlink(outside, join(directory, "outside"));
    await symlink(join(outside, "secret"), join(directory, "secret"));
    await mkdir(join(directory, "folder"));
    await expect(store.remove("outside/secret")).rejects.toMatchObject({ code: "PATH_FORBIDDEN" });
    await expect(store.remove("secret")).rejects.toMatchObject({ code: "PATH_FORBIDDEN" });
    await expect(store.remove("folder")).rejects.toMatchObject({ code: "CONFLICT", status: 409 });
    await expect(store.remove(".trailsum/locks")).rejects.toMatchObject({ code: "PATH_FORBIDDEN" });
    expect((await lstat(join(outside, "secret"))).isFile()).toBe(true);
  });

  test("nothing while another process commits to the path on a condition", async () => {
    const { directory, store } = await directoryFixture();
    await put(store, "it", content);
    const lock = createHash("sha256").update("it").digest("hex").slice(0, 32);
    const removed = await holdLockFile(join(directory, ".trailsum/locks", lock), async () => {
      const removal = store.remove("it");
      for (let at = 0; at < 50; at += 1) expect(await readObject(store, "it")).toEqual(content);
      return { removal };
    });
    expect(await removed.removal).toBe(true);
    expect(await store.open("it")).toBeUndefined();
  });
});

describe("a directory store lists", () => {
  test("files that came by other means, without digests until they were opened", async () => {
    const { directory, store } = await directoryFixture();
    await writeFile(join(directory, "a"), content);
    const before = (await entries(store, ""))[0]!;
    expect(before).toMatchObject({ name: "a", kind: "object", size: content.length, digests: undefined });
    await (await store.open("a"))!.close();
    const after = (await entries(store, ""))[0]!;
    expect(after.digests!.values.has("sha-256")).toBe(true);
    expect(after.verified).toBeUndefined();
  });

  test("nothing of its own, nothing outside, nothing that no request can name", async () => {
    const { directory, store } = await directoryFixture();
    const outside = await tempDir();
    await put(store, "a/b", other);
    await mkdir(join(directory, "a/.trailsum-staging"));
    await symlink(outside, join(directory, "outside"));
    await symlink("nowhere", join(directory, "dangling"));
    await symlink("loop", join(directory, "loop"));
    await symlink(".trailsum", join(directory, "own"));
    await writeFile(join(directory, "back\\slash"), "");
    await writeFile(join(directory, "line\nfeed"), "");
    await writeFile(Buffer.from(`${directory}/latin\xe9`, "latin1"), "");
    execFileSync("/usr/bin/env", ["mkfifo", join(directory, "pipe")]);
    expect(await listed(store, "")).toEqual(["a/"]);
    expect(await listed(store, "a")).toEqual(["b"]);
    expect(await listed(store, "", true)).toEqual(["a/b"]);
    await expect(store.list("outside")).rejects.toMatchObject({ code: "PATH_FORBIDDEN" });
    await expect(store.list(".trailsum")).rejects.toMatchObject({ code: "PATH_FORBIDDEN" });
  });

  test("links inside, and enters no linked directory twice", async () => {
    const { directory, store } = await directoryFixture();
    await put(store, "real/a", content);
    await symlink("real/a", join(directory, "file"));
    await symlink("real", join(directory, "alias"));
    await symlink("..", join(directory, "real/up"));
    expect(await listed(store, "")).toEqual(["alias/", "file", "real/"]);
    expect(await listed(store, "alias")).toEqual(["a", "up/"]);
    expect(await listed(store, "", true)).toEqual(["file", "real/a"]);
  });
});
