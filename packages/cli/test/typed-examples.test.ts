import { execFile } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { expect, test } from "vitest";

import { programDirectory } from "./support/page-program.ts";

const root = join(import.meta.dirname, "../../..");

interface Example {
  /** The file that shows it. */
  readonly file: string;
  readonly code: string;
}

/** The examples in the docstrings of all packages. */
async function docstringExamples(): Promise<Example[]> {
  const paths = await readdir(join(root, "packages"), { recursive: true });
  const files = paths.filter((path) => /^[^/]+\/src\/.+(?<!\.d)\.ts$/.test(path)).map((path) => `packages/${path}`);
  return examplesIn(files, /^ *\* @example\n *\* ```ts\n(.*?)^ *\* ```$/gms, (block) =>
    block.replaceAll(/^ *\* ?/gm, ""),
  );
}

/** The programs in the README, the guides and the READMEs of packages that the root of the repository can import. */
async function pagePrograms(): Promise<Example[]> {
  const guides = (await readdir(join(root, "docs"))).filter((name) => name.endsWith(".md"));
  const readmes = ["client", "proxy", "server", "shared"];
  const pages = [
    "README.md",
    ...guides.map((name) => `docs/${name}`),
    ...readmes.map((name) => `packages/${name}/README.md`),
  ];
  const blocks = await examplesIn(pages, /^```js\n(.*?)^```$/gms, (block) => block);
  return blocks.filter(({ code }) => code.startsWith("import "));
}

async function examplesIn(
  files: readonly string[],
  block: RegExp,
  code: (block: string) => string,
): Promise<Example[]> {
  const found = files.map(async (file) => {
    const text = await readFile(join(root, file), "utf8");
    return [...text.matchAll(block)].map(([, shown = ""]) => ({ file, code: code(shown) }));
  });
  return (await Promise.all(found)).flat();
}

test("the examples in docstrings and the programs on pages type-check as they are", async () => {
  const [examples, programs] = await Promise.all([docstringExamples(), pagePrograms()]);
  expect(examples.length).toBeGreaterThan(5);
  expect(programs.length).toBeGreaterThan(10);
  const directory = await programDirectory();
  await Promise.all(
    [...examples, ...programs].map(({ file, code }, at) =>
      writeFile(join(directory, `${file.replaceAll("/", "-")}-${at}.mts`), code),
    ),
  );
  // Parameters need no types, because the programs are JavaScript, too.
  const reader = { noImplicitAny: false, useUnknownInCatchVariables: false, noUncheckedIndexedAccess: false };
  const lenient = { ...reader, noImplicitReturns: false, noUnusedLocals: false };
  const compilerOptions = { noEmit: true, composite: false, isolatedDeclarations: false, declarationMap: false };
  const config = {
    extends: join(root, "tsconfig.base.json"),
    compilerOptions: { ...compilerOptions, ...lenient, allowImportingTsExtensions: true },
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
});
