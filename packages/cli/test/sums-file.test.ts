import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { tempDir } from "@trailsum/testkit";
import { array, assert, asyncProperty, constantFrom, property, uint8Array } from "fast-check";
import { describe, expect, test } from "vitest";

import { filePath } from "../src/files/file-path.ts";
import { algorithmOfSums, parseSums, readSums, sumsLine, writeSums } from "../src/files/sums-file.ts";

const run = promisify(execFile);
const coreutils = await run("sha256sum", ["--version"]).then(
  () => true,
  () => false,
);
const digest = (text: string | Uint8Array, name = "sha256"): Buffer => createHash(name).update(text).digest();
const hex = digest("x").toString("hex");
const parsed = (text: string): unknown =>
  parseSums(Buffer.from(text, "latin1")).sums.map(({ name, algorithm }) => [name.toString(), algorithm]);

describe("the lines of a sums file", () => {
  test.each([
    ["text and binary", `${hex}  a\n${hex} *b\n`, ["a", "b"]],
    ["without a line end at the end, or with CRLF", `${hex}  a\r\n${hex}  b`, ["a", "b"]],
    ["upper case", `${hex.toUpperCase()}  a`, ["a"]],
    ["comments and empty lines", `# made by hand\n\n${hex}  a`, ["a"]],
    ["escaped names", `\\${hex}  a\\nb\\\\c\\rd`, ["a\nb\\c\rd"]],
    ["names that are not escaped", `${hex}  a\\nb`, ["a\\nb"]],
    ["names with spaces and stars", `${hex}   a \n${hex}  *b`, [" a ", "*b"]],
    ["BSD style", `SHA256 (a (1)) = ${hex}`, ["a (1)"]],
    ["BSD style, escaped", `\\SHA256 (a\\nb) = ${hex}`, ["a\nb"]],
    ["OpenSSL style", `SHA256(a)= ${hex}\nSHA2-256(b)= ${hex}`, ["a", "b"]],
  ])("are read: %s", (_what, text, names) => {
    expect(parsed(text)).toEqual(names.map((name) => [name, "sha-256"]));
    expect(parseSums(Buffer.from(text, "latin1")).malformed).toBe(0);
  });

  test.each([
    ["too short", `${hex.slice(1)}  a`],
    ["not hexadecimal", `${"g".repeat(64)}  a`],
    ["one space", `${hex} a`],
    ["no name", `${hex}  `],
    ["an unknown escape", `\\${hex}  a\\tb`],
    ["a trailing backslash", `\\${hex}  a\\`],
    ["another algorithm's length", `MD5 (a) = ${hex}`],
    ["an unknown algorithm", `WHIRLPOOL (a) = ${hex}`],
  ])("are counted when they are not understood: %s", (_what, text) => {
    expect(parseSums(Buffer.from(text, "latin1"))).toMatchObject({ sums: [], malformed: 1 });
  });

  test("name the algorithm by their length", () => {
    for (const [name, algorithm] of [
      ["md5", "md5"],
      ["sha1", "sha"],
      ["sha256", "sha-256"],
      ["sha512", "sha-512"],
    ])
      expect(parsed(`${digest("x", name).toString("hex")}  a`)).toEqual([["a", algorithm]]);
  });

  test("come back as they were written, whatever the name", () => {
    const names = uint8Array({ minLength: 1, maxLength: 20 }).filter((bytes) => !bytes.includes(0));
    assert(
      property(names, (bytes) => {
        const name = filePath(Buffer.from(bytes));
        const [sum] = parseSums(sumsLine(digest(bytes), name)).sums;
        expect(Buffer.from(sum!.name)).toEqual(Buffer.from(bytes));
        expect(sum!.digest).toEqual(digest(bytes));
      }),
    );
  });
});

test.skipIf(!coreutils)(
  `what is written is what sha256sum writes and checks${coreutils ? "" : " (skipped: there is no sha256sum here)"}`,
  async () => {
    await assert(
      asyncProperty(
        array(constantFrom("a", "\n", "\\", " ", "*", "ä", "\r"), { minLength: 1, maxLength: 8 }),
        async (letters) => {
          const directory = await tempDir();
          const name = letters.join("");
          await writeFile(join(directory, name), name);
          await writeSums(join(directory, "SHA256SUMS"), [[name, digest(name)]]);
          await run("sha256sum", ["--check", "--strict", "--quiet", "SHA256SUMS"], { cwd: directory });
          const { stdout } = await run("sha256sum", ["--tag", "--", name], { cwd: directory });
          expect(parseSums(Buffer.from(stdout)).sums).toEqual([{ name, algorithm: "sha-256", digest: digest(name) }]);
        },
      ),
      { numRuns: 20 },
    );
  },
);

test("the name of a sums file says its algorithm", () => {
  const names = [
    "MD5SUMS",
    "SHA1SUMS",
    "SHA256SUMS",
    "SHA512SUMS",
    "a.md5",
    "b.sha512",
    "dir/sha-1.txt",
    "sums",
    "x256",
  ];
  expect(names.map(algorithmOfSums)).toEqual([
    "md5",
    "sha",
    "sha-256",
    "sha-512",
    "md5",
    "sha-512",
    "sha",
    "sha-256",
    "sha-256",
  ]);
});

test("a sums file that contradicts itself, holds nothing or is not there is refused", async () => {
  const directory = await tempDir();
  const path = join(directory, "SHA256SUMS");
  await expect(readSums(path)).rejects.toMatchObject({
    code: "FILE_UNREADABLE",
    message: expect.stringContaining("no such file"),
  });
  await writeFile(path, "hello\n");
  await expect(readSums(path)).rejects.toThrow("it is not a sums file");
  await writeFile(path, `${hex}  a\n${digest("y").toString("hex")}  ./a\n`);
  await expect(readSums(path)).rejects.toThrow("twice, with different digests");
  await writeFile(path, `${hex}  ./a\n${digest("x", "md5").toString("hex")} *a\nnonsense\n`);
  const sums = await readSums(path);
  expect([...sums.of("a")!.keys(), sums.malformed, sums.of("b")]).toEqual(["sha-256", "md5", 1, undefined]);
  await writeSums(path, [
    ["b", digest("b")],
    ["a", digest("a")],
  ]);
  expect((await readFile(path, "utf8")).split("\n").map((line) => line.slice(66))).toEqual(["a", "b", ""]);
});
