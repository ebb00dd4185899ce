import { readdir, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { tempDir } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { holdLockFile } from "../src/index.ts";
import { ownMark } from "../src/process-mark.ts";

const [place, pid, started] = ownMark.split("-") as [string, string, string];
const gone = `${place}-${pid}-${Number(started) - 1} 0`;
const elsewhere = `${"0".repeat(12)}-${pid}-${started} 0`;

async function lockPath(): Promise<string> {
  return join(await tempDir(), "lock");
}

describe("a lock between processes", () => {
  test("is held by one at a time, and leaves no file", async () => {
    const path = await lockPath();
    let holders = 0;
    const most: number[] = [];
    const hold = (): Promise<void> =>
      holdLockFile(path, async () => {
        holders += 1;
        most.push(holders);
        await new Promise(setImmediate);
        holders -= 1;
      });
    await Promise.all(Array.from({ length: 8 }, hold));
    expect(most).toEqual(Array(8).fill(1));
    expect(await readdir(join(path, ".."))).toEqual([]);
  });

  test("is released when what is done under it fails", async () => {
    const path = await lockPath();
    const failing = holdLockFile(path, () => Promise.reject(new Error("failed")));
    await expect(failing).rejects.toThrow("failed");
    expect(await holdLockFile(path, async () => "held")).toBe("held");
  });

  test("is taken over from a process that is gone, by one of many", async () => {
    const path = await lockPath();
    await writeFile(path, gone);
    let holders = 0;
    const most: number[] = [];
    const hold = (): Promise<void> =>
      holdLockFile(path, async () => {
        holders += 1;
        most.push(holders);
        await new Promise(setImmediate);
        holders -= 1;
      });
    await Promise.all(Array.from({ length: 4 }, hold));
    expect(most).toEqual([1, 1, 1, 1]);
  });

  test.each([
    ["another machine", elsewhere],
    ["a process that was killed before it wrote its mark", ""],
  ])("is taken over from %s only without a sign of life", async (_who, token) => {
    const path = await lockPath();
    await writeFile(path, token);
    let held = false;
    const holding = holdLockFile(path, async () => {
      held = true;
    });
    // It has looked at the lock at least once when it has found it in its way.
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(held).toBe(false);
    const minutesAgo = new Date(Date.now() - 120_000);
    await utimes(path, minutesAgo, minutesAgo);
    await holding;
    expect(held).toBe(true);
    await expect(stat(path)).rejects.toMatchObject({ code: "ENOENT" });
  });
});
