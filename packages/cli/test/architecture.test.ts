import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";

import { describe, expect, test } from "vitest";

const packages = join(import.meta.dirname, "../../../packages");
const names = (await readdir(packages)).filter((name) => existsSync(join(packages, name, "src")));

/** The arrows of docs/architecture.md: what each package may import, types included. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  shared: [],
  files: [],
  http: ["shared"],
  client: ["shared", "files", "http"],
  s3: ["shared", "http"],
  server: ["shared", "files", "http", "s3"],
  proxy: ["shared", "http", "s3", "client"],
  "store-s3": ["shared", "server"],
  cli: ["shared", "files", "client", "server", "proxy", "store-s3"],
};

interface Import {
  readonly from: string;
  readonly to: string;
}

/** Every import of a package's source: relative ones as paths below `src`, those of other packages by name. */
async function importsOf(name: string): Promise<Import[]> {
  const src = join(packages, name, "src");
  const files = (await readdir(src, { recursive: true })).filter((file) => file.endsWith(".ts"));
  const found = await Promise.all(
    files.map(async (file) => {
      // Without comments: the examples in them import the package itself.
      const text = (await readFile(join(src, file), "utf8")).replaceAll(/^ *\*.*$/gm, "");
      return [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"]+|@trailsum\/[^"]+)"/g)].map(([, to]) => ({
        from: file,
        to: to!.startsWith(".") ? relative(src, join(src, dirname(file), to!)) : to!,
      }));
    }),
  );
  return found.flat();
}

/**
 * The arrows between the folders that lie in the same folder. Files beside those folders are left out: they put the parts
 * together, or are the words that all parts share.
 */
function siblingArrows(imports: readonly Import[]): Map<string, Map<string, Import>> {
  const arrows = new Map<string, Map<string, Import>>();
  for (const each of imports) {
    const from = dirname(each.from).split(sep);
    const to = dirname(each.to).split(sep);
    const depth = from.findIndex((folder, at) => folder !== to[at]);
    if (depth === -1 || depth >= to.length || from[0] === "." || to[0] === ".") continue;
    const [a, b] = [from.slice(0, depth + 1).join("/"), to.slice(0, depth + 1).join("/")];
    const targets = arrows.get(a) ?? new Map<string, Import>();
    arrows.set(a, targets.set(b, each));
  }
  return arrows;
}

/** One cycle as the imports that make it, empty if there is no cycle. */
function cycleOf(arrows: ReadonlyMap<string, ReadonlyMap<string, Import>>): string[] {
  const done = new Set<string>();
  const search = (folder: string, path: readonly (readonly [string, Import])[]): string[] => {
    const begin = path.findIndex(([earlier]) => earlier === folder);
    if (begin !== -1) return path.slice(begin).map(([, { from, to }]) => `${from} imports ${to}`);
    if (done.has(folder)) return [];
    for (const [next, by] of arrows.get(folder) ?? []) {
      const cycle = search(next, [...path, [folder, by]]);
      if (cycle.length > 0) return cycle;
    }
    done.add(folder);
    return [];
  };
  for (const folder of arrows.keys()) {
    const cycle = search(folder, []);
    if (cycle.length > 0) return cycle;
  }
  return [];
}

describe.each(names)("packages/%s", async (name) => {
  const imports = await importsOf(name);

  test("has no cycle between folders", () => {
    expect(cycleOf(siblingArrows(imports))).toEqual([]);
  });

  test("imports only the packages that the architecture lets it import", () => {
    const others = imports.filter(({ to }) => to.startsWith("@trailsum/"));
    const allowed = ARROWS[name];
    expect(others.filter(({ to }) => allowed?.includes(to.split("/")[1]!) !== true)).toEqual([]);
  });
});

test("a cycle between folders is found, of files that have none", () => {
  const imports = [
    { from: "a/one.ts", to: "b/one.ts" },
    { from: "b/two.ts", to: "c/deep/one.ts" },
    { from: "c/two.ts", to: "a/two.ts" },
  ];
  expect(cycleOf(siblingArrows(imports))).toEqual([
    "a/one.ts imports b/one.ts",
    "b/two.ts imports c/deep/one.ts",
    "c/two.ts imports a/two.ts",
  ]);
  expect(cycleOf(siblingArrows(imports.slice(1)))).toEqual([]);
});
