import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

import { pathsReport } from "../src/paths/report.ts";
import { faultsOf, type WalkedPaths } from "../src/paths/walked.ts";

const root = join(import.meta.dirname, "../..");

/** The cells of the first table after `title` or, without one, of the first table. */
function tableIn(markdown: string, title = ""): string[][] {
  const [table = ""] = /(?:^\|.*\|$\n?)+/m.exec(markdown.slice(markdown.indexOf(title))) ?? [];
  const rows = table
    .trim()
    .split("\n")
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  return rows.filter((cells) => !cells.every((cell) => /^-+$/.test(cell)));
}

test("the README's table of which software keeps what is the one that was measured", async () => {
  const [readme, results] = await Promise.all(
    ["README.md", "conformance/results/reverse-proxies.md"].map((path) => readFile(join(root, path), "utf8")),
  );
  expect(tableIn(readme!, "Which software keeps trailers")).toEqual(tableIn(results!));
});

test("the delivery modes of paths in README and docs are those that were measured, and all is as promised", async () => {
  const [readme, docs, report, measured] = await Promise.all(
    ["README.md", "docs/delivery-modes.md", "conformance/results/paths.md", "conformance/results/paths.json"].map(
      (path) => readFile(join(root, path), "utf8"),
    ),
  );
  const walked = JSON.parse(measured!) as WalkedPaths;
  expect(walked.paths.flatMap((path) => faultsOf(path))).toEqual([]);
  expect(report).toBe(pathsReport(walked));
  expect(tableIn(docs!, "Which path takes which mode")).toEqual(tableIn(report!));
  expect(tableIn(readme!, "Through software that drops trailers, uploads take two steps")).toEqual(tableIn(report!));
});
