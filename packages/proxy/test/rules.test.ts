import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../../..");
const SEARCHED = ["packages", "conformance", "bench", "testkit", "README.md"];
const SKIPPED = new Set(["node_modules", "dist", "results"]);

/** `rule 61`, `rules 49, 50, 52`, `rules 60 to 64`, `gRPC rule 4`, `G3`. */
const CITATION = /\b(gRPC )?rules? (\d+(?:(?:, | and | to )\d+)*)|\bG(\d{1,2})\b/g;

/** What a text cites, each as it is headed in the rules. */
function* citations(text: string): Generator<string> {
  for (const [, grpc = "", numbers, beyond] of text.matchAll(CITATION)) {
    if (beyond !== undefined) yield `G${beyond}`;
    let last = 0;
    for (const [, to, digits] of (numbers ?? "").matchAll(/( to )?(\d+)/g)) {
      const number = Number(digits);
      for (let between = to === undefined ? number : last + 1; between <= number; between += 1)
        yield `${grpc}${between}`;
      last = number;
    }
  }
}

/** Every source file and document under these paths, with its text. */
async function* texts(path: string): AsyncGenerator<readonly [path: string, text: string]> {
  if (/\.(?:ts|js|mjs|md)$/.test(path)) {
    yield [path, await readFile(join(ROOT, path), "utf8")];
    return;
  }
  const entries = await readdir(join(ROOT, path), { withFileTypes: true });
  for (const entry of entries) {
    const isSearched = entry.isDirectory() ? !SKIPPED.has(entry.name) : /\.(?:ts|js|mjs|md)$/.test(entry.name);
    if (isSearched) yield* texts(`${path}/${entry.name}`);
  }
}

const rules = await readFile(join(ROOT, "docs/rules.md"), "utf8");
const headings = Array.from(rules.matchAll(/^\*\*(.+)\.\*\* \S/gm), ([, heading]) => heading!);

test("every rule that code, tests and documents cite is in docs/rules.md", async () => {
  const known = new Set(headings);
  const unknown: string[] = [];
  let cited = 0;
  for (const path of SEARCHED) {
    for await (const [file, text] of texts(path)) {
      for (const citation of citations(text)) {
        cited += 1;
        if (!known.has(citation)) unknown.push(`${file}: ${citation}`);
      }
    }
  }
  expect(unknown).toEqual([]);
  expect(cited).toBeGreaterThan(300);
});

test("each rule is there once, and none is left out", () => {
  const numbered = (prefix: string, count: number): string[] =>
    Array.from({ length: count }, (_, at) => `${prefix}${at + 1}`);
  expect(headings).toEqual([...numbered("", 80), ...numbered("G", 19), ...numbered("gRPC ", 13)]);
});

test.each([
  ["rule 61", ["61"]],
  ["rules 49, 50, 52: a message", ["49", "50", "52"]],
  ["rules 60 to 62, and G3", ["60", "61", "62", "G3"]],
  ["rules 8 and 9", ["8", "9"]],
  ["gRPC rule 12", ["gRPC 12"]],
  ["RFC 9110 section 5.3, GET /G1x, overrule 5", []],
])("citations are found: %s", (text, found) => {
  expect(Array.from(citations(text))).toEqual(found);
});
