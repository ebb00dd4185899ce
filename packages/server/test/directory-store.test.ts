import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";

import type { Digests } from "@trailsum/shared";
import { tempDir } from "@trailsum/testkit";
import { describe, expect, onTestFinished, test } from "vitest";

import { createDirectoryStore, type Store } from "../src/index.ts";
import { content, directoryFixture, md5, other, readObject } from "./peer.ts";
import { digestsOf, put, stage, storeContract } from "./store-contract.ts";
import { uploadStoreContract } from "./upload-store-contract.ts";

storeContract("the directory store", async () => createDirectoryStore({ directory: await tempDir() }));
uploadStoreContract("the directory store", async () => createDirectoryStore({ directory: await tempDir() }));

describe("the directory store", () => {
  test("keeps plain files under their own names, readable as the user's other files are", async () => {
    const { directory, store, visible, staged, records } = await directoryFixture();
    await put(store, "a/b/c.txt", content);
    expect(await readFile(join(directory, "a/b/c.txt"))).toEqual(content);
    // oxlint-disable-next-line no-bitwise -- modes are bits
    expect((await stat(join(directory, "a/b/c.txt"))).mode & 0o777).toBe(0o644 & ~process.umask());
    expect([await visible(), await staged()]).toEqual([["a/b/c.txt"], []]);
    expect(await records()).toHaveLength(1);
  });

  test("keeps one record for each object, however often it is replaced", async () => {
    const { store, records } = await directoryFixture();
    for (const bytes of [content, other, content, content]) {
      await put(store, "a", bytes);
    }
    expect(await records()).toHaveLength(1);
  });

  test("creates its own folder again when it was removed", async () => {
    const { directory, store, records, staged } = await directoryFixture();
    await put(store, "a", content);
    await rm(join(directory, ".trailsum"), { recursive: true });
    expect(await readObject(store, "a")).toEqual(content);
    await rm(join(directory, ".trailsum"), { recursive: true });
    await (await store.stage("b", { size: content.length })).discard();
    await put(store, "b", content);
    expect([await staged(), (await records()).length]).toEqual([[], 1]);
  });

  test("makes its own folder again for the record of an upload that is under way", async () => {
    const { directory, store, records } = await directoryFixture();
    const upload = await stage(store, "a", content);
    await rm(join(directory, ".trailsum/digests"), { recursive: true });
    await upload.commit(await digestsOf(content));
    expect(await records()).toHaveLength(1);
  });

  test("does not make the directory again when it was removed", async () => {
    const { directory, store } = await directoryFixture(await mkdtemp(join(await tempDir(), "data-")));
    await rm(directory, { recursive: true });
    await expect(store.stage("a")).rejects.toMatchObject({ code: "FILE_UNWRITABLE" });
    await expect(stat(directory)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test.each([
    ["removed", (file: string) => rm(file)],
    ["replaced", (file: string) => writeFile(`${file}.new`, other).then(() => rename(`${file}.new`, file))],
  ])("removes the record of a file that was %s by another program, once it is noticed", async (_how, change) => {
    const { directory, store, records } = await directoryFixture();
    await put(store, "a", content);
    const [before] = await records();
    await change(join(directory, "a"));
    await (await store.open("a"))?.close();
    await expect.poll(records).not.toContain(before);
  });

  test("removes the record of a file that was removed while no store ran", async () => {
    const { directory, store, records } = await directoryFixture();
    await put(store, "a", content);
    await put(store, "kept", content);
    await put(store, "b/c", content);
    await rm(join(directory, "a"));
    await rm(join(directory, "b"), { recursive: true });
    await createDirectoryStore({ directory });
    await expect.poll(records).toHaveLength(1);
    const object = await store.open("kept");
    await object!.close();
    expect(object!.digests).toEqual(await digestsOf(content));
  });

  test("removes the record of a removed file when another is stored in its place", async () => {
    const { directory, store, records } = await directoryFixture();
    await put(store, "a", content);
    await rm(join(directory, "a"));
    await put(store, "a", other);
    expect(await records()).toHaveLength(1);
  });

  test("refuses a directory that is not there, with a sentence that says what to do", async () => {
    const directory = join(await tempDir(), "missing");
    await expect(createDirectoryStore({ directory })).rejects.toMatchObject({
      code: "FILE_UNWRITABLE",
      message: expect.stringContaining("create it first"),
    });
  });

  test("refuses a file in place of the directory", async () => {
    const file = join(await tempDir(), "file");
    await writeFile(file, "");
    await expect(createDirectoryStore({ directory: file })).rejects.toMatchObject({ code: "FILE_UNWRITABLE" });
  });

  test("refuses at once what the disk has no room for", async () => {
    const { store, staged } = await directoryFixture();
    await expect(store.stage("a", { size: 1e18 })).rejects.toMatchObject({ code: "NO_SPACE" });
    expect(await staged()).toEqual([]);
  });

  test("a second store on the same directory leaves alone what the first is receiving", async () => {
    const { directory, store } = await directoryFixture();
    const staged = await stage(store, "a", content);
    await createDirectoryStore({ directory });
    await staged.commit(await digestsOf(content));
    expect(await readObject(store, "a")).toEqual(content);
  });

  test("two stores on one directory see each other's objects, with their digests", async () => {
    const { directory, store } = await directoryFixture();
    const second = await createDirectoryStore({ directory });
    await put(store, "a", content);
    await put(second, "a", other);
    const object = await store.open("a");
    expect(object!.digests).toEqual(await digestsOf(other));
    await object!.close();
  });
});

describe("files that other tools stored there", () => {
  const digestsIn = async (store: Awaited<ReturnType<typeof createDirectoryStore>>, path: string) => {
    const object = await store.open(path);
    await object?.close();
    return object?.digests;
  };

  test("are read once, and their digest is remembered", async () => {
    const { directory, store, records } = await directoryFixture();
    await writeFile(join(directory, "a"), content);
    expect((await digestsIn(store, "a"))?.values.get("md5")?.toString("hex")).toBe(md5(content));
    expect(await records()).toHaveLength(1);
    expect((await digestsIn(store, "a"))?.values.get("md5")?.toString("hex")).toBe(md5(content));
    expect(await records()).toHaveLength(1);
  });

  test("have no digest in the header if they are large", async () => {
    const { directory } = await directoryFixture();
    const store = await createDirectoryStore({ directory, digestOnOpen: 10 });
    await writeFile(join(directory, "a"), content);
    expect(await digestsIn(store, "a")).toBeUndefined();
    expect(await readObject(store, "a")).toEqual(content);
  });

  test.each([
    ["written over, with other bytes of the same number", (file: string) => writeFile(file, Buffer.alloc(19, "x"))],
    ["cut short", (file: string) => truncate(file, 3)],
    ["given another date", (file: string) => utimes(file, 1, 1)],
    [
      "replaced",
      async (file: string) => {
        await writeFile(`${file}.new`, other);
        await rename(`${file}.new`, file);
      },
    ],
  ])("have their own digest, not that of the upload, when %s", async (_how, change) => {
    const { directory, store } = await directoryFixture();
    await put(store, "a", content);
    await change(join(directory, "a"));
    const bytes = await readFile(join(directory, "a"));
    expect((await digestsIn(store, "a"))?.values.get("md5")?.toString("hex")).toBe(md5(bytes));
    expect(await digestsIn(store, "a")).toEqual(await digestsOf(bytes));
  });

  test("a record that was cut short by a crash counts as none", async () => {
    const { directory, store, records } = await directoryFixture();
    const staged = await stage(store, "a", content);
    await staged.commit(await digestsOf(content, ["md5", "sha-256", "sha-512"]));
    const [record] = await records();
    await truncate(join(directory, ".trailsum/digests", record!), 20);
    expect([...(await digestsIn(store, "a"))!.values.keys()]).toEqual(["md5", "sha-256"]);
  });
});

describe("the sha-256 of a file without a record of it", () => {
  const digestsFor = async (store: Store, path: string, digest: boolean): Promise<Digests | undefined> => {
    const object = await store.open(path, { digest });
    await object?.close();
    return object?.digests;
  };

  test("is computed where it is asked for, however large the file", async () => {
    const { directory } = await directoryFixture();
    const store = await createDirectoryStore({ directory, digestOnOpen: 10 });
    await writeFile(join(directory, "a"), content);
    expect(await digestsFor(store, "a", false)).toBeUndefined();
    expect(await digestsFor(store, "a", true)).toEqual(await digestsOf(content));
    // And recorded.
    expect(await digestsFor(store, "a", false)).toEqual(await digestsOf(content));
  });

  test("is added to a record of md5 alone that the file agrees with", async () => {
    const { store } = await directoryFixture();
    await (await stage(store, "a", content)).commit(await digestsOf(content, ["md5"]));
    expect(await digestsFor(store, "a", false)).toEqual(await digestsOf(content));
  });

  test("does not replace a record that the file contradicts", async () => {
    const { store } = await directoryFixture();
    const recorded = await digestsOf(Buffer.alloc(content.length), ["md5"]);
    await (await stage(store, "a", content)).commit(recorded);
    expect(await digestsFor(store, "a", true)).toEqual(recorded);
  });
});

describe("ways that lead somewhere else", () => {
  const outside = async (): Promise<string> => {
    const directory = await tempDir();
    await writeFile(join(directory, "secret"), "secret");
    await mkdir(join(directory, "folder"));
    return directory;
  };
  const refused = { code: "PATH_FORBIDDEN", status: 403 };

  test("a symbolic link to a file outside is neither read nor replaced", async () => {
    const { directory, store } = await directoryFixture();
    await symlink(join(await outside(), "secret"), join(directory, "link"));
    await expect(store.open("link")).rejects.toMatchObject(refused);
    await expect(store.stage("link")).rejects.toMatchObject(refused);
  });

  test("a symbolic link to a directory outside is not followed", async () => {
    const { directory, store } = await directoryFixture();
    const elsewhere = await outside();
    await symlink(elsewhere, join(directory, "link"));
    await expect(store.open("link/secret")).rejects.toMatchObject(refused);
    await expect(store.stage("link/new")).rejects.toMatchObject(refused);
    await expect(store.stage("link/folder/deep/new")).rejects.toMatchObject(refused);
  });

  test("a link that is put in place while an upload runs is not followed at its commit", async () => {
    const { directory, store, staged } = await directoryFixture();
    const elsewhere = await outside();
    const upload = await stage(store, "later/new", content);
    await symlink(elsewhere, join(directory, "later"));
    await expect(upload.commit(await digestsOf(content))).rejects.toMatchObject(refused);
    await expect(stat(join(elsewhere, "new"))).rejects.toMatchObject({ code: "ENOENT" });
    expect(await staged()).toEqual([]);
  });

  test("a symbolic link into the store's own folder is not followed", async () => {
    const { directory, store } = await directoryFixture();
    await symlink(join(directory, ".trailsum"), join(directory, "link"));
    await expect(store.stage("link/digests/new")).rejects.toMatchObject(refused);
    await expect(store.open("link/digests")).rejects.toMatchObject(refused);
  });

  test("a dangling symbolic link is not an object, and is not replaced", async () => {
    const { directory, store } = await directoryFixture();
    await symlink("nowhere", join(directory, "link"));
    expect(await store.open("link")).toBeUndefined();
    await expect(store.stage("link")).rejects.toMatchObject(refused);
    await expect(store.stage("link/new")).rejects.toMatchObject(refused);
  });

  test("a symbolic link in a circle is refused", async () => {
    const { directory, store } = await directoryFixture();
    await symlink("circle", join(directory, "circle"));
    await expect(store.open("circle")).rejects.toMatchObject(refused);
    await expect(store.stage("circle")).rejects.toMatchObject(refused);
  });

  test("a symbolic link that stays inside is read, with the digests of what it leads to", async () => {
    const { directory, store } = await directoryFixture();
    await put(store, "real/a", content);
    await symlink("real", join(directory, "alias"));
    expect(await readObject(store, "alias/a")).toEqual(content);
    await put(store, "alias/a", other);
    const object = await store.open("real/a");
    expect(object!.digests).toEqual(await digestsOf(other));
    await object!.close();
  });

  test("a directory's sibling with the same beginning of the name is outside", async () => {
    const parent = await tempDir();
    await mkdir(join(parent, "data"));
    await mkdir(join(parent, "data-private"));
    await writeFile(join(parent, "data-private/secret"), "secret");
    const { store } = await directoryFixture(join(parent, "data"));
    await symlink("../data-private", join(parent, "data/link"));
    await expect(store.open("link/secret")).rejects.toMatchObject(refused);
  });

  test("a directory, a named pipe: no object, and not replaced", async () => {
    const { directory, store } = await directoryFixture();
    await mkdir(join(directory, "folder"));
    execFileSync("/usr/bin/env", ["mkfifo", join(directory, "pipe")]);
    for (const path of ["folder", "pipe"]) {
      expect(await store.open(path)).toBeUndefined();
      await expect(store.stage(path)).rejects.toMatchObject({ code: "CONFLICT", status: 409 });
    }
  });

  test("a file where a directory would have to be: a conflict, now or at the commit", async () => {
    const { directory, store, staged } = await directoryFixture();
    await put(store, "a", content);
    await expect(store.stage("a/b/c")).rejects.toMatchObject({ code: "CONFLICT" });
    expect(await store.open("a/b")).toBeUndefined();
    const upload = await stage(store, "later/b", content);
    await writeFile(join(directory, "later"), "");
    await expect(upload.commit(await digestsOf(content))).rejects.toMatchObject({ code: "CONFLICT" });
    expect(await staged()).toEqual([]);
  });

  test("a directory that came to be where the file was to be: a conflict", async () => {
    const { directory, store, staged } = await directoryFixture();
    const upload = await stage(store, "a", content);
    await mkdir(join(directory, "a"));
    await expect(upload.commit(await digestsOf(content))).rejects.toMatchObject({ code: "CONFLICT" });
    expect(await staged()).toEqual([]);
  });

  test("a name too long for the file system: a clear refusal", async () => {
    const { store } = await directoryFixture();
    await expect(store.stage("n".repeat(256))).rejects.toMatchObject({ code: "PATH_INVALID", status: 400 });
    await expect(store.open("n".repeat(256))).rejects.toMatchObject({ code: "PATH_INVALID" });
  });
});

describe("the uploads of a directory store", () => {
  test("are used by one process at a time, and the other one asks it to stop", async () => {
    const directory = await tempDir();
    const { uploads } = await createDirectoryStore({ directory });
    const { id } = await uploads.create("0".repeat(32), "", { path: "a" });
    const child = fork(new URL("uploading-process.ts", import.meta.url), [directory, id], { stdio: "inherit" });
    onTestFinished(() => void child.kill("SIGKILL"));
    const [taken] = await once(child, "message");
    expect(taken).toBe("taken");
    const stopped = once(child, "message");
    const turn = await uploads.take(id, () => {});
    expect((await stopped)[0]).toBe("stops");
    await turn.release();
    expect(await readdir(join(directory, ".trailsum/uploads"))).toEqual([id, `${id}.json`]);
  });

  test("are taken over at once from a process that was killed", async () => {
    const directory = await tempDir();
    const { uploads } = await createDirectoryStore({ directory });
    const { id } = await uploads.create("0".repeat(32), "", { path: "a" });
    const child = fork(new URL("uploading-process.ts", import.meta.url), [directory, id], { stdio: "inherit" });
    await once(child, "message");
    child.kill("SIGKILL");
    await once(child, "exit");
    const started = performance.now();
    await (await uploads.take(id, () => {})).release();
    expect(performance.now() - started).toBeLessThan(60_000);
  });

  test("leave nothing that a crash left of their creation or removal", async () => {
    const directory = await tempDir();
    const folder = join(directory, ".trailsum/uploads");
    const { uploads } = await createDirectoryStore({ directory });
    await uploads.create("1".repeat(32), "", { path: "a" });
    const old = new Date(Date.now() - 2 * 60 * 60 * 1000);
    for (const name of ["0".repeat(32), `${"0".repeat(32)}.json.next`, `${"0".repeat(32)}.lock`]) {
      await writeFile(join(folder, name), "left");
      await utimes(join(folder, name), old, old);
    }
    await writeFile(join(folder, "2".repeat(32)), "just being created");
    await createDirectoryStore({ directory });
    await expect.poll(() => readdir(folder)).toEqual(["1".repeat(32), `${"1".repeat(32)}.json`, "2".repeat(32)]);
  });
});
