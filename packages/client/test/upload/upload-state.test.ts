import { readdir, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { tempDir } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { resumptionInFiles } from "../../src/upload/resume/resumption.ts";

const version = { dev: 1n, ino: 2n, size: 3n, mtimeNs: 4n, ctimeNs: 5n };
const target = new URL("http://host/it");
const resource = {
  hop: { url: new URL("http://host/.trailsum/uploads/0123456789abcdef0123456789abcdef"), trusted: true },
  // It was redirected.
  target: new URL("http://host/moved"),
  offset: undefined,
};

test("an upload resource is found again for the same version of the file and the same URL only", async () => {
  const directory = join(await tempDir(), "new", "uploads");
  const first = await resumptionInFiles(directory, { path: "it", version }, target);
  expect(first.resource).toBeUndefined();
  first.note(resource);
  await first.settled();
  const resourceOf = async (source: Parameters<typeof resumptionInFiles>[1], url = target): Promise<unknown> =>
    (await resumptionInFiles(directory, source, url)).resource;
  expect(await resourceOf({ path: "./it", version })).toEqual(resource);
  for (const [key, value] of Object.entries(version))
    expect(await resourceOf({ path: "it", version: { ...version, [key]: value + 1n } })).toBeUndefined();
  expect(await resourceOf({ path: "other", version })).toBeUndefined();
  expect(await resourceOf({ path: "it", version }, new URL("http://host/other"))).toBeUndefined();
  await first.forget();
  expect(await readdir(directory)).toEqual([]);
});

test("what is kept is for its owner only, and goes away when it is a week old", async () => {
  const directory = await tempDir();
  const old = join(directory, "old.json");
  await writeFile(old, "{}");
  await utimes(old, 1e9, 1e9);
  await writeFile(join(directory, "young.json"), "{}");
  const resumption = await resumptionInFiles(directory, { path: "it", version }, target);
  resumption.note(resource);
  await resumption.settled();
  const names = await readdir(directory);
  expect(names).toHaveLength(2);
  expect(names).not.toContain("old.json");
  const own = names.find((name) => name !== "young.json") ?? "";
  expect(((await stat(join(directory, own))).mode % 0o100).toString(8)).toBe("0");
});

test("a directory that cannot be written to does not stop the upload", async () => {
  const resumption = await resumptionInFiles("/dev/null/uploads", { path: "it", version }, target);
  resumption.note(resource);
  await resumption.settled();
  expect(resumption.resource).toEqual(resource);
  await resumption.forget();
});
