import { chmod, copyFile, open, rename, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { tempDir } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { isUnchanged } from "../src/index.ts";

const date = new Date(1_000_000);

describe("a file is", () => {
  test.each([
    ["unchanged when it was only read", true, async (file: string) => (await open(file)).close()],
    ["changed when it was written over and dated back", false, (file: string) => writeFile(file, "other")],
    ["changed when it has grown", false, (file: string) => writeFile(file, "more", { flag: "a" })],
    ["changed when its mode was", false, (file: string) => chmod(file, 0o600)],
    [
      "changed when another has its name",
      false,
      async (file: string) => {
        await copyFile(file, `${file}.new`);
        await rename(`${file}.new`, file);
      },
    ],
  ])("%s", async (_what, unchanged, act) => {
    const file = join(await tempDir(), "file");
    await writeFile(file, "bytes");
    await utimes(file, date, date);
    const before = await stat(file, { bigint: true });
    await act(file);
    if (!unchanged) await utimes(file, date, date);
    expect(isUnchanged(before, await stat(file, { bigint: true }))).toBe(unchanged);
  });
});
