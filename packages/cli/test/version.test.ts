import { readFile } from "node:fs/promises";

import { trailsum } from "@trailsum/testkit";
import { expect, test } from "vitest";

// Asked for alone it is told before anything else is loaded, and otherwise by whoever parses the arguments.
test.each([[["--version"]], [["upload", "--version"]]])("%j prints the version of the package", async (args) => {
  const { version } = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  const { exitCode, stdout, stderr } = await trailsum(args);
  expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: "" });
});
