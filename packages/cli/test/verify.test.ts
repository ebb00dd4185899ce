import { createHash } from "node:crypto";
import { mkdir, open, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { tempDir, type TrailsumResult } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { commandProcess } from "./support/command-process.ts";
import { filesBelow, serve } from "./support/serving.ts";

const trailsum = commandProcess();

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const lines = ({ stdout }: TrailsumResult): string[] => stdout.trim().split("\n").toSorted();

/** Changes a byte as a bad disk does: nothing but the content says so. */
async function rot(path: string): Promise<void> {
  const { atime, mtime } = await stat(path);
  const file = await open(path, "r+");
  await file.write("X", 0);
  await file.close();
  await utimes(path, atime, mtime);
}

describe("a directory that was served", () => {
  test("is compared with the records of its server", async () => {
    const serving = await serve();
    const { url, directory } = serving;
    const cwd = await tempDir();
    const names = ["kept", "also", "sub/deep", "gone", "edited"];
    await mkdir(join(cwd, "sub"));
    for (const name of names) await writeFile(join(cwd, name), name);
    await trailsum(["upload", ".", `${url}/`, "--quiet"], { cwd });
    await serving.stop();
    const whole = await trailsum(["verify", directory]);
    expect([whole.exitCode, whole.stdout, whole.stderr]).toEqual([
      0,
      "5 ok, 0 mismatched, 0 missing, 0 without a record\n",
      "",
    ]);
    const before = await filesBelow(directory);

    await rm(join(directory, "gone"));
    await writeFile(join(directory, "edited"), "edited by hand");
    await writeFile(join(directory, "foreign"), "foreign");
    const edited = await trailsum(["verify", directory]);
    expect([edited.exitCode, lines(edited)]).toEqual([
      5,
      [
        "3 ok, 0 mismatched, 1 missing, 2 without a record",
        "edited has no record",
        "foreign has no record",
        "gone is missing",
      ],
    ]);
    // Nothing was written, and no record removed.
    expect(await filesBelow(directory)).toEqual([...before.filter((name) => name !== "gone"), "foreign"].toSorted());
  });

  test("is reported with exit status 6 when bytes changed that nothing else shows", async () => {
    const { url, directory } = await serve();
    const cwd = await tempDir();
    await writeFile(join(cwd, "it"), "content");
    await trailsum(["upload", "it", `${url}/it`], { cwd });
    const path = join(directory, "it");
    const record = (await filesBelow(directory)).find((name) => name.startsWith(".trailsum/digests"))!;
    const { mtimeNs } = await stat(path, { bigint: true });
    await rot(path);
    const after = await stat(path, { bigint: true });
    // Where the file system keeps finer times than can be set, the record is moved along with the file.
    if (after.mtimeNs !== mtimeNs) await moveRecord(join(directory, record), mtimeNs, after.mtimeNs);
    const { exitCode, stdout, stderr } = await trailsum(["verify", directory, "--json"]);
    expect(exitCode).toBe(6);
    expect(stderr).toContain("1 file is no longer as recorded in");
    expect(JSON.parse(stdout.split("\n")[0]!)).toMatchObject({
      file: "it",
      state: "mismatched",
      size: 7,
      verified: expect.any(String),
      differing: expect.arrayContaining([
        { algorithm: "sha-256", expected: sha256("content"), computed: sha256("Xontent") },
      ]),
    });
  });

  test("with files that came by other means fails only if that is asked for", async () => {
    const { directory } = await serve();
    await writeFile(join(directory, "foreign"), "foreign");
    expect((await trailsum(["verify", directory, "--quiet"])).exitCode).toBe(0);
    const required = await trailsum(["verify", directory, "--require", "verified"]);
    expect([required.exitCode, required.stderr]).toEqual([7, expect.stringContaining("nothing is known of them")]);
  });
});

async function moveRecord(path: string, from: bigint, to: bigint): Promise<void> {
  const text = await readFile(path, "utf8");
  await writeFile(path, text.replace(String(from), String(to)));
  await rename(path, path.replace(String(from), String(to)));
}

describe("a sums file", () => {
  test("is checked against the files beside it, or against a directory", async () => {
    const cwd = await tempDir();
    await mkdir(join(cwd, "d/sub"), { recursive: true });
    await writeFile(join(cwd, "d/a"), "a");
    await writeFile(join(cwd, "d/sub/b"), "changed");
    await writeFile(join(cwd, "d/extra"), "extra");
    await writeFile(
      join(cwd, "d/SHA256SUMS"),
      `${sha256("a")}  a\n${sha256("b")} *./sub/b\nSHA256 (c) = ${sha256("c")}\nnonsense\n`,
    );
    const file = await trailsum(["verify", "d/SHA256SUMS"], { cwd });
    expect([file.exitCode, lines(file)]).toEqual([
      6,
      ["./sub/b does not match its digest", "1 ok, 1 mismatched, 1 missing, 0 without a record", "c is missing"],
    ]);
    expect(file.stderr).toContain("malformed lines: 1");
    for (const args of [["d"], ["d", "--sums", "d/SHA256SUMS"]]) {
      const whole = await trailsum(["verify", ...args], { cwd });
      expect([whole.exitCode, lines(whole)]).toEqual([
        6,
        [
          "./sub/b does not match its digest",
          "1 ok, 1 mismatched, 1 missing, 1 without a record",
          "c is missing",
          "extra has no record",
        ],
      ]);
    }
  });

  test("is needed for a directory that was never served", async () => {
    const cwd = await tempDir();
    const { exitCode, stderr } = await trailsum(["verify", "."], { cwd });
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining("name a sums file with --sums")]);
    expect(await filesBelow(cwd)).toEqual([]);
  });

  test("is read at the rate that was asked for", async () => {
    const cwd = await tempDir();
    const content = "x".repeat(40 * 1024);
    await writeFile(join(cwd, "a"), content);
    await writeFile(join(cwd, "SHA256SUMS"), `${sha256(content)}  a\n`);
    const began = performance.now();
    expect((await trailsum(["verify", ".", "--limit-rate", "40k"], { cwd })).exitCode).toBe(0);
    expect(performance.now() - began).toBeGreaterThan(890);
  });
});
