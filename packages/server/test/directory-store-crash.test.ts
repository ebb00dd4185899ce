import { fork } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { createDirectoryStore } from "../src/index.ts";
import { content, directoryFixture, handle, md5, other, readObject, request } from "./peer.ts";
import { put, stage } from "./store-contract.ts";
import { rawClient, tempDir } from "@trailsum/testkit";

const crashing = new URL("crashing-process.ts", import.meta.url);

/** Lets another process replace `content` with `other` in that directory, and kill itself just before a step of it. */
async function crashBefore(step: number, directory: string): Promise<boolean> {
  const child = fork(crashing, [directory, String(step)], { stdio: "ignore" });
  const [, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  return signal === "SIGKILL";
}

describe("a process that is killed while it stores", () => {
  test("leaves the old object or the new one, each with its own digests, and nothing else after a restart", async () => {
    const seen = new Set<string>();
    for (let step = 1, crashed = true; crashed; step += 1) {
      const directory = await tempDir();
      await put((await directoryFixture(directory)).store, "a/it", content);
      crashed = await crashBefore(step, directory);
      const { store, visible, staged } = await directoryFixture(directory);
      const object = await store.open("a/it");
      const bytes = await readObject(store, "a/it");
      await object!.close();
      expect([content, other]).toContainEqual(bytes);
      // Of sha-256, which only an upload leaves: so it is the upload's own record, and not one made afresh.
      expect([...object!.digests!.values.keys()], `killed before step ${step}`).toEqual(["md5", "sha-256"]);
      expect(object!.digests!.values.get("md5")!.toString("hex")).toBe(md5(bytes!));
      expect([await visible(), await staged()]).toEqual([["a/it"], []]);
      seen.add(bytes!.equals(content) ? "old" : "new");
      expect(step).toBeLessThan(100);
    }
    expect(seen).toEqual(new Set(["old", "new"]));
  });

  test("leaves nothing of an upload that was still coming in, once a store is created again", async () => {
    const directory = await tempDir();
    const child = fork(crashing, [directory, "0"], { stdio: ["ignore", "ignore", "ignore", "ipc"] });
    await once(child, "message");
    const staging = join(directory, ".trailsum/staging");
    expect(await readdir(staging)).toHaveLength(1);
    child.kill("SIGKILL");
    await once(child, "exit");
    const { visible, staged } = await directoryFixture(directory);
    expect([await visible(), await staged()]).toEqual([[], []]);
  });
});

describe("what a crash may leave on the disk", () => {
  test("a record whose file was never published says nothing about the file that is there", async () => {
    const { directory, store, records } = await directoryFixture();
    await put(store, "a", content);
    const [first] = await records();
    const folder = join(directory, ".trailsum/digests");
    const record = JSON.parse(await readFile(join(folder, first!), "utf8")) as { inode: string };
    const orphan = { ...record, inode: "1", digests: { md5: md5(other) } };
    await writeFile(join(folder, first!.replace(record.inode, "1")), JSON.stringify(orphan));
    expect(await records()).toHaveLength(2);
    const object = await store.open("a");
    expect(object!.digests!.values.get("md5")!.toString("hex")).toBe(md5(content));
    await object!.close();
  });

  test("a record under the name of a version that it does not describe counts as none", async () => {
    const { directory, store, records } = await directoryFixture();
    await put(store, "a", content);
    const [first] = await records();
    await put(store, "b", other);
    const second = (await records()).find((name) => name !== first);
    const folder = join(directory, ".trailsum/digests");
    await rename(join(folder, second!), join(folder, first!));
    const object = await store.open("a");
    expect(object!.digests!.values.get("md5")!.toString("hex")).toBe(md5(content));
    await object!.close();
  });

  test("old records of versions that are gone are removed in time, and no others", async () => {
    const { directory, store, records } = await directoryFixture();
    await put(store, "kept", content);
    await put(store, "gone", other);
    await rm(join(directory, "gone"));
    const folder = join(directory, ".trailsum/digests");
    await writeFile(join(folder, "garbage"), "{");
    const long = new Date(Date.now() - 2 * 60 * 60 * 1000);
    for (const name of await records()) {
      await utimes(join(folder, name), long, long);
    }
    // Of an upload that is about to be published: younger than any that can be swept.
    await writeFile(join(folder, "young"), "{");
    await createDirectoryStore({ directory });
    await expect.poll(records).toEqual([expect.stringContaining(".json"), "young"]);
    const object = await store.open("kept");
    expect(object!.digests!.values.has("sha-256")).toBe(true);
    await object!.close();
  });

  test("what another machine left an hour ago is removed", async () => {
    const { directory } = await directoryFixture();
    const file = join(directory, ".trailsum/staging", `01234567-1-${"0".repeat(24)}`);
    await writeFile(file, "left behind");
    const long = new Date(Date.now() - 2 * 60 * 60 * 1000);
    await utimes(file, long, long);
    const { staged } = await directoryFixture(directory);
    expect(await staged()).toEqual([]);
  });

  test("what another machine is receiving is left alone", async () => {
    const { directory } = await directoryFixture();
    const name = `01234567-1-${"0".repeat(24)}`;
    await writeFile(join(directory, ".trailsum/staging", name), "being received");
    const { staged } = await directoryFixture(directory);
    expect(await staged()).toEqual([name]);
  });
});

test("a server that is stopped in the middle of an upload leaves no file", async () => {
  const { store, visible, staged } = await directoryFixture();
  const { port, server, settled } = await handle({ store });
  const client = await rawClient(port);
  const arrived = once(server, "request");
  await client.write(request("PUT /it", ["Transfer-Encoding: chunked"], "13\r\n{"));
  await arrived;
  await (await stage(store, "other", content)).discard();
  server.closeAllConnections();
  await settled();
  expect([await visible(), await staged()]).toEqual([[], []]);
});
