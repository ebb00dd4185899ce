import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatWithOptions } from "node:util";

import { withFreePorts } from "@trailsum/testkit";
import { expect, onTestFinished, test, vi } from "vitest";

const packages = join(import.meta.dirname, "../../../packages");

/** Each package whose README has a program. Those of packages/http are run by a test of its own. */
test.each(["shared", "files", "s3", "client", "server", "proxy", "store-s3"])(
  "the program in the README of packages/%s prints what it is said to print",
  async (name) => {
    const readme = await readFile(join(packages, name, "README.md"), "utf8");
    const [, program = "", expected = ""] = /^```js\n((?:(?!^```).)*)^```\n\n```\n(.*?)^```$/ms.exec(readme) ?? [];
    expect(program).toContain(`from "@trailsum/${name}"`);
    let printed = "";
    vi.spyOn(console, "log").mockImplementation((...values: unknown[]) => {
      printed += `${formatWithOptions({}, ...values)}\n`;
    });
    // In this directory, where all packages are found.
    const file = join(import.meta.dirname, `readme-${name}-${process.pid}.mjs`);
    await writeFile(file, await withFreePorts(program));
    onTestFinished(async () => {
      vi.restoreAllMocks();
      await rm(file);
    });
    await import(file);
    await expect.poll(() => printed).toBe(expected);
  },
);
