import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { tempDir } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { commandProcess } from "./support/command-process.ts";
import { md5, patterned } from "./support/content.ts";
import { serve } from "./support/serving.ts";

const trailsum = commandProcess();

/** Names that a URL or a shell would make something else of. */
const names = [
  "plain.txt",
  "with space.txt",
  "100%.txt",
  "%41.txt",
  "number#1.txt",
  "really?.txt",
  "semi;colon&and=more+plus.txt",
  "ünïcødé 名前 🎈.txt",
  "back\\slash.txt",
  "-dash.txt",
  "sub/deeper/nested.txt",
  "sub/.hidden",
  ".trailsum-is-not-it/file",
];

/** Those that a server takes: a backslash means different things to different systems, and is refused. */
const stored = names.filter((name) => !name.includes("\\")).toSorted();

async function tree(): Promise<string> {
  const directory = await tempDir();
  for (const name of names) {
    await mkdir(join(directory, "tree", dirname(name)), { recursive: true });
    await writeFile(join(directory, "tree", name), name);
  }
  // What a store keeps for itself is not uploaded to another.
  await mkdir(join(directory, "tree/.trailsum"));
  await writeFile(join(directory, "tree/.trailsum/file"), "");
  await symlink("plain.txt", join(directory, "tree/link.txt"));
  return directory;
}

test("a directory is uploaded under its name, and with a slash or as . without it", async () => {
  const cwd = await tree();
  const { url, directory, visible } = await serve(["--dotfiles"]);
  const expected = [...stored, "link.txt"].toSorted();
  const refusal = /^trailsum: \S+back%5Cslash\.txt: the server answered 403 Forbidden: [^\n]+$/m;

  const named = await trailsum(["upload", "tree", `${url}/named/`], { cwd });
  expect(named.exitCode).toBe(4);
  expect(named.stderr).toMatch(refusal);
  const bare = await trailsum(["upload", "tree/", `${url}/bare/`, "--jobs", "1"], { cwd });
  const dot = await trailsum(["upload", ".", `${url}/dot/`, "--jobs", "9"], { cwd: join(cwd, "tree") });
  expect([bare.exitCode, dot.exitCode]).toEqual([4, 4]);
  expect(await visible()).toEqual(
    [
      ...expected.map((name) => `named/tree/${name}`),
      ...expected.map((name) => `bare/${name}`),
      ...expected.map((name) => `dot/${name}`),
    ].toSorted(),
  );
  for (const name of stored) expect(await readFile(join(directory, "bare", name), "utf8")).toBe(name);
  // With one job at a time results come in the order in which the files are found; with more, in that of their ends.
  expect(named.stdout.split("\n").toSorted()).toEqual(bare.stdout.split("\n").toSorted());
});

test("files of any size arrive whole", async () => {
  const directory = await tempDir();
  const sizes = [0, 1, 65_535, 65_536, 65_537, 300_000, 3_000_000];
  for (const size of sizes) await writeFile(join(directory, String(size)), patterned(size));
  const { url, directory: kept } = await serve(["--dotfiles"]);
  const { exitCode, stdout, stderr } = await trailsum(["upload", `${directory}/`, `${url}/`, "--jobs", "2"]);
  expect(stdout.trimEnd().split("\n").toSorted()).toEqual(
    sizes.map((size) => `${md5(patterned(size))}  ${join(directory, String(size))}`).toSorted(),
  );
  for (const size of sizes) {
    expect((await readFile(join(kept, String(size)))).equals(patterned(size))).toBe(true);
  }
  expect([exitCode, stderr]).toEqual([0, ""]);
});

test("several files and directories go to one URL that ends in a slash", async () => {
  const cwd = await tree();
  const { url, visible } = await serve(["--dotfiles"]);
  const args = ["upload", "--jobs", "2", "--", "-dash.txt", "sub", "with space.txt", `${url}/all/`];
  const { exitCode, stdout, stderr } = await trailsum(args, { cwd: join(cwd, "tree") });
  expect([exitCode, stderr]).toEqual([0, ""]);
  expect(await visible()).toEqual([
    "all/-dash.txt",
    "all/sub/.hidden",
    "all/sub/deeper/nested.txt",
    "all/with space.txt",
  ]);
  expect(stdout.trimEnd().split("\n").toSorted()).toEqual(
    ["-dash.txt", "sub/.hidden", "sub/deeper/nested.txt", "with space.txt"]
      .map((name) => `${md5(Buffer.from(name))}  ${name}`)
      .toSorted(),
  );
});

test(".. is uploaded by what is in it, and nothing leaves the folder that the URL names", async () => {
  const cwd = await tree();
  const { url, visible } = await serve(["--dotfiles"]);
  const { exitCode } = await trailsum(["upload", "..", `${url}/a/b/`, "--quiet"], {
    cwd: join(cwd, "tree/sub/deeper"),
  });
  expect(exitCode).toBe(0);
  expect(await visible()).toEqual(["a/b/.hidden", "a/b/deeper/nested.txt"]);
});
