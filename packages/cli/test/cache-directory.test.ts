import { stat } from "node:fs/promises";
import { join } from "node:path";

import { tempDir, trailsum } from "@trailsum/testkit";
import { expect, test } from "vitest";

test("a directory for caches is made for the user alone, and holds what was compiled", async () => {
  const cache = join(await tempDir(), "new", "cache");
  const { exitCode } = await trailsum(["--help"], { env: { XDG_CACHE_HOME: cache, NODE_COMPILE_CACHE: undefined } });
  expect(exitCode).toBe(0);
  const { mode } = await stat(join(cache, "trailsum"));
  expect(mode & 0o777).toBe(0o700);
});

test.each(["/proc/nowhere", "/dev/null", "/dev/full/caches"])("no cache at %s is not an error", async (cache) => {
  const { exitCode, stderr } = await trailsum(["--help"], {
    env: { XDG_CACHE_HOME: cache, NODE_COMPILE_CACHE: undefined },
  });
  expect([exitCode, stderr]).toEqual([0, ""]);
});
