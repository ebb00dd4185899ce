import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { describe, expect, test } from "vitest";

import { playSession, sessionSteps } from "./support/console-session.ts";
import { expectedOutput, programDirectory, runProgram } from "./support/page-program.ts";

const root = join(import.meta.dirname, "../../..");
const pages = ["README.md", ...(await readdir(join(root, "docs"))).map((name) => `docs/${name}`)];

describe.each(pages)("%s", async (page) => {
  const text = await readFile(join(root, page), "utf8");

  test("names only files that exist", () => {
    const named = [...text.matchAll(/`((?:packages|testkit|conformance|bench|docs|scripts)\/[\w./-]+)`/g)];
    expect(named.map(([, path]) => path!).filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  test("links only to pages that exist", () => {
    const links = [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, link]) => link!);
    expect(links.filter((link) => !existsSync(join(root, dirname(page), link)))).toEqual([]);
  });

  // Those of the README are run with the rest of it.
  const steps = page === "README.md" ? [] : sessionSteps(text);
  test.skipIf(steps.length === 0)(
    "shows commands that print what it says",
    async () => {
      expect(await playSession(steps)).toEqual(steps);
    },
    60_000,
  );

  const programs = page === "README.md" ? [] : [...text.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code!);
  test.skipIf(programs.length === 0)(
    "shows programs that print what it says",
    async () => {
      for (const code of programs)
        expect(await runProgram(code, await programDirectory())).toEqual(expectedOutput(code));
    },
    60_000,
  );
});
