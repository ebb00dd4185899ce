import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { tempDir } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { createPathCache } from "../src/path-cache.ts";

const origin = "https://host.test";
const DAY = 24 * 60 * 60 * 1_000;

test("what is known of a path is known to the next process, for a day", async () => {
  const directory = await tempDir();
  let time = 1_000_000;
  createPathCache(directory, () => time).set(origin, "dropped");
  expect(createPathCache(directory, () => time).get(origin)).toBe("dropped");
  expect(await readdir(directory)).toEqual(["paths.json"]);
  time += DAY;
  expect(createPathCache(directory, () => time).get(origin)).toBeUndefined();
  // Nor does what a clock that went back has written.
  expect(createPathCache(directory, () => 0).get(origin)).toBeUndefined();
});

test("what two processes learn is kept, and what is forgotten is gone", async () => {
  const directory = await tempDir();
  const [one, other] = [createPathCache(directory), createPathCache(directory)];
  expect(other.get(origin)).toBeUndefined();
  one.set(origin, "kept");
  other.set("https://other.test", "fatal");
  const next = createPathCache(directory);
  expect([next.get(origin), next.get("https://other.test")]).toEqual(["kept", "fatal"]);
  one.set(origin, undefined);
  expect(createPathCache(directory).get(origin)).toBeUndefined();
});

test.each([
  "",
  "{",
  "null",
  "[1]",
  `{"${origin}":{"trailers":"none","at":1}}`,
  `{"${origin}":"kept"}`,
  `"${"x".repeat(70_000)}"`,
])("a file that is broken is no knowledge, and is replaced: %#", async (text) => {
  const directory = await tempDir();
  await writeFile(join(directory, "paths.json"), text);
  const cache = createPathCache(directory);
  expect(cache.get(origin)).toBeUndefined();
  cache.set(origin, "kept");
  expect(createPathCache(directory).get(origin)).toBe("kept");
});

test("the names of origins are no properties of objects", async () => {
  const directory = await tempDir();
  await writeFile(join(directory, "paths.json"), '{"__proto__":{"trailers":"kept","at":1}}');
  expect(createPathCache(directory, () => 2).get("toString")).toBeUndefined();
});

test("at most 200 origins are kept, the oldest go", async () => {
  const directory = await tempDir();
  const many = Object.fromEntries(
    Array.from({ length: 200 }, (_, at) => [`https://${at}.test`, { trailers: "kept", at: 1 }]),
  );
  await writeFile(join(directory, "paths.json"), JSON.stringify(many));
  createPathCache(directory, () => 2).set(origin, "kept");
  const kept = Object.keys(JSON.parse(await readFile(join(directory, "paths.json"), "utf8")) as object);
  expect([kept.length, kept.includes("https://0.test"), kept.at(-1)]).toEqual([200, false, origin]);
});

test("a directory that cannot be used is not an error, and nothing is left there", async () => {
  const directory = join(await tempDir(), "file");
  await writeFile(directory, "");
  createPathCache(directory).set(origin, "kept");
  const taken = await tempDir();
  await mkdir(join(taken, "paths.json"));
  await chmod(taken, 0o700);
  createPathCache(taken).set(origin, "kept");
  expect(await readdir(taken)).toEqual(["paths.json"]);
});
