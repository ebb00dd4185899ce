import { fork } from "node:child_process";
import { once } from "node:events";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, onTestFinished, test, vi } from "vitest";

import { createDirectoryStore } from "../src/index.ts";
import { content, directoryFixture, readObject } from "./peer.ts";
import { digestsOf, put, stage } from "./store-contract.ts";

test("processes that update one object on a condition lose no update", async () => {
  const { directory, store, staged } = await directoryFixture();
  await put(store, "it", Buffer.from("0"));
  const program = new URL("incrementing-process.ts", import.meta.url);
  const children = [1, 2, 3].map(() => fork(program, [directory, "10"], { stdio: "inherit" }));
  const codes = await Promise.all(children.map(async (child) => (await once(child, "exit"))[0] as number));
  expect(codes).toEqual([0, 0, 0]);
  expect((await readObject(store, "it"))?.toString()).toBe("30");
  expect(await staged()).toEqual([]);
});

test("what another machine left of an upload is removed while a store runs", async () => {
  const { directory, store, staged } = await directoryFixture();
  await writeFile(join(directory, ".trailsum/staging", `${"0".repeat(12)}-1-1-0123456789abcdef`), "half");
  await put(store, "a", content);
  expect(await staged()).toHaveLength(1);
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 2 * 60 * 60 * 1000 });
  onTestFinished(() => void vi.useRealTimers());
  await put(store, "a", content);
  await expect.poll(staged).toEqual([]);
});

test("a container with the same host name and process id leaves alone what another is receiving", async () => {
  const { directory, store, staged } = await directoryFixture();
  const upload = await stage(store, "a", content);
  const [name] = await staged();
  // The other container sees the same name from a place where it says nothing.
  const folder = join(directory, ".trailsum/staging");
  const foreign = name!.replace(/^[0-9a-f]{12}/, "0".repeat(12));
  await writeFile(join(folder, foreign), await readFile(join(folder, name!)));
  await createDirectoryStore({ directory });
  expect(new Set(await staged())).toEqual(new Set([foreign, name]));
  await rm(join(folder, foreign));
  await upload.commit(await digestsOf(content));
  expect(await readObject(store, "a")).toEqual(content);
});
