import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";

import { describe, expect, test } from "vitest";

import { playSession, sessionSteps } from "./support/console-session.ts";
import { expectedOutput, programDirectory, runProgram } from "./support/page-program.ts";

const root = join(import.meta.dirname, "../../..");
const guides = (await readdir(join(root, "docs"))).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`);
const packages = (await readdir(join(root, "packages"))).map((name) => `packages/${name}/README.md`);
const pages = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  ".changeset/README.md",
  "bench/README.md",
  "bench/findings.md",
]
  .concat("conformance/README.md")
  .concat(guides, packages)
  .filter((path) => existsSync(join(root, path)));

/** A page without its blocks of code, in which nothing is a link or a heading. */
const prose = (markdown: string): string => markdown.replaceAll(/^```.*?^```$/gms, "");

/** The anchors of a page, as GitHub makes them of its headings. */
function anchors(markdown: string): string[] {
  return [...prose(markdown).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** Why a relative link of a page leads nowhere, if it does. */
async function brokenLink(page: string, link: string): Promise<string | undefined> {
  const [path = "", anchor] = link.split("#");
  const to = path === "" ? join(root, page) : join(root, dirname(page), path);
  if (relative(root, to).startsWith("..")) return `${link} leads out of the repository`;
  if (!existsSync(to)) return `${link} does not exist`;
  if (anchor === undefined || anchors(await readFile(to, "utf8")).includes(anchor)) return undefined;
  return `${link} has no such heading`;
}

test("a link to nothing is found", async () => {
  expect(await brokenLink("docs/README.md", "no-such-page.md")).toBe("no-such-page.md does not exist");
  expect(await brokenLink("docs/README.md", "glossary.md#no-such-word")).toBe(
    "glossary.md#no-such-word has no such heading",
  );
  expect(await brokenLink("docs/README.md", "../README.md#install")).toBeUndefined();
});

test("another page links every page of docs", async () => {
  const texts = await Promise.all(pages.map((path) => readFile(join(root, path), "utf8")));
  const names = guides.map((path) => path.slice("docs/".length));
  const isLinked = (name: string): boolean =>
    texts.some((text, at) => pages[at] !== `docs/${name}` && new RegExp(`[(/]${name}[)#]`).test(text));
  expect(names.filter((name) => !isLinked(name))).toEqual([]);
});

describe.each(pages)("%s", async (page) => {
  const text = await readFile(join(root, page), "utf8");
  const isGuide = page.startsWith("docs/");

  test("names only files that exist", () => {
    const named = [...text.matchAll(/`((?:packages|testkit|conformance|bench|docs|scripts|deploy)\/[\w./-]+)`/g)];
    expect(named.map(([, path]) => path!).filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  test("links only to pages and headings that exist", async () => {
    const links = [...prose(text).matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => link!);
    const relativeLinks = links.filter((link) => !/^[a-z]+:/.test(link));
    const broken = await Promise.all(relativeLinks.map((link) => brokenLink(page, link)));
    expect(broken.filter((reason) => reason !== undefined)).toEqual([]);
  });

  // Those of the READMEs are run by tests of their own.
  const steps = isGuide ? sessionSteps(text) : [];
  test.skipIf(steps.length === 0)("shows commands that print what it says", async () => {
    expect(await playSession(steps)).toEqual(steps);
  });

  const programs = isGuide ? [...text.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code!) : [];
  test.skipIf(programs.length === 0)("shows programs that print what it says", async () => {
    for (const code of programs) expect(await runProgram(code, await programDirectory())).toEqual(expectedOutput(code));
  });
});
