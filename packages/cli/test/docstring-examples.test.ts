import { execFile } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { expect, test } from "vitest";

import { programDirectory } from "./support/page-program.ts";

const root = join(import.meta.dirname, "../../..");
const packages = join(root, "packages");

/** The examples in the docstrings of all packages, each with the file that it stands in. */
async function examples(): Promise<{ file: string; code: string }[]> {
  const files = (await readdir(packages, { recursive: true })).filter((file) =>
    /^[^/]+\/src\/.+(?<!\.d)\.ts$/.test(file),
  );
  const found = await Promise.all(
    files.map(async (file) => {
      const text = await readFile(join(packages, file), "utf8");
      const blocks = text.matchAll(/^ *\* @example\n *\* ```ts\n(.*?)^ *\* ```$/gms);
      return [...blocks].map(([, block = ""]) => ({ file, code: block.replaceAll(/^ *\* ?/gm, "") }));
    }),
  );
  return found.flat();
}

test("the examples in docstrings type-check as they are", async () => {
  const all = await examples();
  expect(all.length).toBeGreaterThan(5);
  const directory = await programDirectory();
  await Promise.all(
    all.map(({ file, code }, at) => writeFile(join(directory, `${file.replaceAll("/", "-")}-${at}.mts`), code)),
  );
  const compilerOptions = { noEmit: true, composite: false, isolatedDeclarations: false, declarationMap: false };
  const config = {
    extends: join(root, "tsconfig.base.json"),
    compilerOptions: { ...compilerOptions, noUnusedLocals: false, allowImportingTsExtensions: true },
    include: ["*.mts"],
  };
  await writeFile(join(directory, "tsconfig.json"), JSON.stringify(config));
  const checked = promisify(execFile)(join(root, "node_modules/.bin/tsc"), ["-p", directory]);
  expect(
    await checked.then(
      ({ stdout }) => stdout,
      (error: { stdout: string }) => error.stdout,
    ),
  ).toBe("");
}, 60_000);
