import type { BigIntStats, StatsFs } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { dirname, join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { content, directoryFixture, etag, exchange, handle, other, readObject, request, upload } from "./peer.ts";
import { digestsOf, put, stage } from "./store-contract.ts";

type Call = (...args: never[]) => Promise<unknown>;
const fs = createRequire(import.meta.url)("node:fs/promises") as Record<string, Call>;

/** Lets a function of node:fs/promises behave as another file system would, until the test is finished. */
function replace(name: string, by: (original: Call) => Call): void {
  const original = fs[name]!;
  fs[name] = by(original);
  syncBuiltinESMExports();
  onTestFinished(() => {
    fs[name] = original;
    syncBuiltinESMExports();
  });
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** Nothing can be renamed from one directory to another: each is a mount, or has a quota of its own. */
function separateDirectories(): string[] {
  const refused: string[] = [];
  replace("rename", (original) => async (from: never, to: never) => {
    if (dirname(dirname(from)) === dirname(to)) return original(from, to);
    refused.push(to);
    throw failure("EXDEV");
  });
  return refused;
}

describe("a directory below the served one that is another file system", () => {
  test("takes uploads, and leaves nothing else there", async () => {
    const { directory, store, visible, staged, records } = await directoryFixture();
    const mount = join(directory, "disk2");
    await mkdir(mount);
    const inMount = (path: string): boolean => path === mount || path.startsWith(`${mount}/`);
    replace("stat", (original) => async (path: never, ...options: never[]) => {
      const stats = (await original(path, ...options)) as BigIntStats;
      return Object.assign(stats, inMount(path) ? { dev: -1 } : {});
    });
    replace("rename", (original) => async (from: never, to: never) => {
      if (inMount(from) !== inMount(to)) throw failure("EXDEV");
      return original(from, to);
    });
    await put(store, "disk2/a/b", content);
    await put(store, "disk2/a/b", other);
    await put(store, "here", content);
    expect(await readObject(store, "disk2/a/b")).toEqual(other);
    expect([await visible(), await staged(), (await records()).length]).toEqual([["disk2/a/b", "here"], [], 2]);
    // It is staged where it can be renamed from.
    const later = await stage(store, "disk2/c", content);
    expect((await visible()).find((file) => file.startsWith("disk2/.trailsum-staging/"))).toBeDefined();
    await expect(store.open("disk2/.trailsum-staging")).rejects.toMatchObject({ code: "PATH_FORBIDDEN" });
    await later.discard();
    expect(await visible()).toEqual(["disk2/a/b", "here"]);
  });

  test("that looks like the same one takes uploads, as a copy", async () => {
    const { store, visible, staged, records } = await directoryFixture();
    const refused = separateDirectories();
    await put(store, "a/b", content);
    const object = await store.open("a/b");
    await object!.close();
    expect(object!.digests).toEqual(await digestsOf(content));
    expect([await visible(), await staged(), (await records()).length]).toEqual([["a/b"], [], 1]);
    expect(refused).toHaveLength(1);
    // The next one is received there at once.
    await put(store, "a/b", other);
    expect(refused).toHaveLength(1);
    expect(await readObject(store, "a/b")).toEqual(other);
    expect([await visible(), await staged(), (await records()).length]).toEqual([["a/b"], [], 1]);
  });

  test("honours conditions", async () => {
    const { store } = await directoryFixture();
    const { port } = await handle({ store });
    separateDirectories();
    await put(store, "a/it", content);
    expect((await exchange(port, upload("/a/it", other, [`If-Match: ${etag(other)}`]))).status).toBe(412);
    expect((await exchange(port, upload("/a/it", other, [`If-Match: ${etag(content)}`]))).status).toBe(200);
  });
});

test("what is received beside a target can be neither read nor written by its name", async () => {
  const { directory, store } = await directoryFixture();
  const { port } = await handle({ store });
  await mkdir(join(directory, "a/.trailsum-staging"), { recursive: true });
  for (const target of ["/a/.trailsum-staging/x", "/a/.TRAILSUM-staging", "/.trailsum-staging/x"]) {
    expect((await exchange(port, request(`GET ${target}`))).status).toBe(403);
    expect((await exchange(port, upload(target))).status).toBe(403);
  }
});

test.each(["EINVAL", "EPERM", "ENOTSUP", "ENOSYS", "EACCES"])(
  "a file system that answers %s to the sync of a directory takes uploads",
  async (code) => {
    const { directory, store } = await directoryFixture();
    const file = (await fs["open"]!(directory as never)) as { close: Call };
    const prototype = Object.getPrototypeOf(file) as { sync: Call };
    await file.close();
    const { sync } = prototype;
    prototype.sync = async function syncing(this: { stat: () => Promise<BigIntStats> }) {
      if ((await this.stat()).isDirectory()) throw failure(code);
      return Reflect.apply(sync, this, []);
    };
    onTestFinished(() => {
      prototype.sync = sync;
    });
    await put(store, "a/b", content);
    expect(await readFile(join(directory, "a/b"))).toEqual(content);
  },
);

test.each([
  ["knows nothing of its size", { blocks: 0, bfree: 0, bavail: 0 }],
  ["has no free space but for the superuser", { bavail: 0 }],
])("a file system that %s is written to", async (_which, space) => {
  replace(
    "statfs",
    (original) =>
      async (...args: never[]) =>
        Object.assign((await original(...args)) as StatsFs, space),
  );
  const { store } = await directoryFixture();
  const staged = await store.stage("a", { size: content.length });
  staged.content.end(content);
  await new Promise((resolve) => staged.content.once("finish", resolve));
  await staged.commit(await digestsOf(content));
  expect(await readObject(store, "a")).toEqual(content);
});

test("a file system that cannot follow a sync with an error of the disk fails the upload", async () => {
  const { directory, store, visible } = await directoryFixture();
  await put(store, "a", content);
  replace("open", (original) => async (path: never, ...rest: never[]) => {
    if (path === directory) throw failure("EIO");
    return original(path, ...rest);
  });
  await expect(put(store, "b", content)).rejects.toMatchObject({ code: "FILE_UNWRITABLE" });
  expect(await visible()).toContain("a");
});
