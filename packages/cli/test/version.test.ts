import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { trailsum } from "@trailsum/testkit";
import { expect, test } from "vitest";

// Alone, it is printed before anything else is loaded, and otherwise by the parser of the arguments.
test.each([[["--version"]], [["upload", "--version"]]])("%j prints the version of the package", async (args) => {
  const { version } = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  const { exitCode, stdout, stderr } = await trailsum(args);
  expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: "" });
});

test("all packages that are published get their versions together", async () => {
  const root = join(import.meta.dirname, "../../..");
  const json = async (path: string): Promise<unknown> => JSON.parse(await readFile(join(root, path), "utf8"));
  const { fixed } = (await json(".changeset/config.json")) as { fixed: string[][] };
  const directories = await readdir(join(root, "packages"));
  const manifests = await Promise.all(directories.map((directory) => json(`packages/${directory}/package.json`)));
  const published = (manifests as { name: string; private?: boolean }[]).filter(({ private: kept }) => kept !== true);
  expect(fixed.map((group) => group.toSorted())).toEqual([published.map(({ name }) => name).toSorted()]);
});
