import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { expect, onTestFinished, test } from "vitest";

const root = join(import.meta.dirname, "../..");

async function readmeDirectory(): Promise<string> {
  const directory = join(import.meta.dirname, "../.readme");
  await mkdir(directory, { recursive: true });
  return directory;
}

/** Lines without what they are indented by. */
function unindented(text: string): string {
  return text.replaceAll(/^ +/gm, "");
}

test("docs/frameworks.md shows parts of the examples as they are", async () => {
  const page = await readFile(join(root, "docs/frameworks.md"), "utf8");
  const sections = page.split(/^From (?=\[)|From (?=\[examples)/m).slice(1);
  const shown = sections.map((section) => ({
    file: /\]\(\.\.\/(examples\/src\/\w+\.ts)\)/.exec(section)![1]!,
    blocks: [...section.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block = ""]) => block),
  }));
  const files = (await readdir(join(root, "examples/src"))).filter((file) => file !== "reports.ts");
  expect(shown.map(({ file }) => file).toSorted()).toEqual(files.map((file) => `examples/src/${file}`).toSorted());
  for (const { file, blocks } of shown) {
    const source = unindented(await readFile(join(root, file), "utf8"));
    expect(blocks.length).toBeGreaterThan(0);
    for (const block of blocks) expect(source).toContain(unindented(block));
  }
});

test("the examples in the documentation of the entries run", async () => {
  // In this package, where the frameworks are found.
  const directory = await mkdtemp(join(await readmeDirectory(), "block-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const frameworks = join(root, "packages/server/src/frameworks");
  const names: string[] = [];
  for (const file of await readdir(frameworks)) {
    const text = (await readFile(join(frameworks, file), "utf8")).replaceAll(/^ \* ?/gm, "");
    for (const [, block = ""] of text.matchAll(/^```js\n(.*?)^```$/gms)) {
      names.push(`${file}-${names.length}.mjs`);
      await writeFile(join(directory, names.at(-1)!), block);
    }
  }
  expect(names).toHaveLength(10);
  const program = `for (const name of ${JSON.stringify(names)}) await import("./" + name); process.exit(0);`;
  await writeFile(join(directory, "all.mjs"), program);
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ["all.mjs"], { cwd: directory });
  expect([stdout, stderr]).toEqual(["404\n", ""]);
});
