import { readdir, stat, utimes, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";

import { tempDir } from "@trailsum/testkit";
import { describe, expect, onTestFinished, test, vi } from "vitest";

import { createTemporaryFile, removeLeftovers, type TemporaryFile, type TemporaryFileNames } from "../src/index.ts";
import { ownMark } from "../src/process-mark.ts";

const random = "0123456789abcdef";
const [place, pid, started] = ownMark.split("-") as [string, string, string];
const elsewhere = `${"0".repeat(12)}-${pid}-${started}`;
const gone = `${place}-${pid}-${Number(started) - 1}`;
const hoursAgo = new Date(Date.now() - 2 * 60 * 60 * 1000);

async function created(names: TemporaryFileNames): Promise<TemporaryFile> {
  const temporary = await createTemporaryFile(names, 0o600);
  onTestFinished(async () => {
    await temporary.settle();
    await temporary.file.close();
  });
  return temporary;
}

describe("a temporary file", () => {
  test("is new, and its name says whose it is", async () => {
    const directory = await tempDir();
    const names = { directory, prefix: ".it.", suffix: ".part" };
    const [one, two] = [await created(names), await created(names)];
    expect(basename(one.path)).toMatch(new RegExp(`^\\.it\\.${ownMark}-[0-9a-f]{16}\\.part$`));
    expect(one.path).not.toBe(two.path);
  });

  test("has a sign of life until it is settled, though nothing is written to it", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    onTestFinished(() => void vi.useRealTimers());
    const { file, path, settle } = await created({ directory: await tempDir() });
    await file.utimes(hoursAgo, hoursAgo);
    vi.advanceTimersByTime(60_000);
    await expect.poll(async () => (await stat(path)).mtimeMs).toBeGreaterThan(hoursAgo.getTime() + 1);
    await settle();
    await file.utimes(hoursAgo, hoursAgo);
    vi.advanceTimersByTime(600_000);
    expect(vi.getTimerCount()).toBe(0);
    expect((await stat(path)).mtime).toEqual(hoursAgo);
  });
});

describe("what was left behind", () => {
  /** The names that are left of these, each two hours old or new. */
  const left = async (files: Record<string, "old" | "new">, names: Omit<TemporaryFileNames, "directory"> = {}) => {
    const directory = await tempDir();
    for (const [name, age] of Object.entries(files)) {
      await writeFile(join(directory, name), "half");
      if (age === "old") await utimes(join(directory, name), hoursAgo, hoursAgo);
    }
    await removeLeftovers({ directory, ...names });
    return (await readdir(directory)).toSorted();
  };

  test("by a process that is gone is removed at once", async () => {
    expect(await left({ [`${gone}-${random}`]: "new" })).toEqual([]);
  });

  test("by a process that is alive is not, however old it is", async () => {
    const name = `${ownMark}-${random}`;
    expect(await left({ [name]: "old" })).toEqual([name]);
  });

  test("by a process of the same id elsewhere is removed only without a sign of life for an hour", async () => {
    const name = `${elsewhere}-${random}`;
    expect(await left({ [name]: "new" })).toEqual([name]);
    expect(await left({ [name]: "old" })).toEqual([]);
  });

  test("does not include files of other names", async () => {
    const files = {
      [`.it.${gone}-${random}`]: "old",
      [`${gone}-${random}.part`]: "old",
      [`.it.more.${gone}-${random}.part`]: "old",
      [`.it.${gone}-${random}0.part`]: "old",
      [`.it.0123-1-${random}.part`]: "old",
      ".it.part": "old",
      notes: "old",
    } as const;
    const names = Object.keys(files).toSorted();
    expect(
      await left({ ...files, [`.it.${gone}-${random}.part`]: "new" }, { prefix: ".it.", suffix: ".part" }),
    ).toEqual(names);
  });

  test("includes files of any name in a directory that holds nothing else, by their age", async () => {
    expect(await left({ old: "old", new: "new" }, { exclusive: true })).toEqual(["new"]);
  });
});
