import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";

import { tempDir } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

const source = fileURLToPath(new URL("../src", import.meta.url));
const MiB = 1024 * 1024;
const SIZE = 9 * MiB;

/** Hashes content of a known and of an unknown size, twice each, several at a time; prints the digests. */
function program(directory: string): string {
  return `
import { createStreamDigester } from ${JSON.stringify(pathToFileURL(join(directory, "index.ts")).href)};
const content = Buffer.alloc(${SIZE}, "trailsum");
async function digested(size) {
  const digester = await createStreamDigester(["md5", "sha-256"], size);
  for (let at = 0; at < content.length; at += 100_000) await digester.update(content.subarray(at, at + 100_000));
  const { size: counted, values } = await digester.digest();
  digester.close();
  return [counted, ...[...values.values()].map((value) => value.toString("hex"))].join(" ");
}
const sizes = [content.length, undefined];
const once = await Promise.all(sizes.map(digested));
const again = await Promise.all(sizes.map(digested));
console.log(JSON.stringify([...once, ...again]));`;
}

/** The package without some of what it needs for threads. */
async function copy(change: (directory: string) => Promise<void>): Promise<string> {
  const directory = await tempDir();
  await cp(source, join(directory, "src"), { recursive: true });
  await cp(join(source, "../package.json"), join(directory, "package.json"));
  await symlink(join(source, "../node_modules"), join(directory, "node_modules"));
  await change(join(directory, "src"));
  return join(directory, "src");
}

async function printed(args: readonly string[]): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, [...args]);
  return JSON.parse(stdout);
}

const content = Buffer.alloc(SIZE, "trailsum");
const hash = (name: string): string => createHash(name).update(content).digest("hex");
const expected = Array.from({ length: 4 }, () => `${SIZE} ${hash("md5")} ${hash("sha256")}`);

describe("large content is hashed in place where no thread can be had:", () => {
  test.each([
    ["in code given with --eval", ["--input-type=module", "--eval"]],
    ["without permission to start workers", ["--permission", "--allow-fs-read=*", "--input-type=module", "--eval"]],
  ])("%s", async (_where, args) => {
    expect(await printed([...args, program(source)])).toEqual(expected);
  });

  test.each([
    ["without a file for the worker, as in a bundle", (directory: string) => rm(join(directory, "digest-worker.ts"))],
    [
      "without a URL of the module, as in a bundle of CommonJS",
      async (directory: string) => {
        const path = join(directory, "digest-threads.ts");
        await writeFile(path, (await readFile(path, "utf8")).replaceAll("import.meta.url", "undefined"));
      },
    ],
    [
      "with a worker that ends before it has done anything",
      (directory: string) => writeFile(join(directory, "digest-worker.ts"), "process.exit(1);"),
    ],
  ])("%s", async (_where, change) => {
    const directory = await copy(change);
    const script = join(directory, "../program.mjs");
    await writeFile(script, program(directory));
    expect(await printed([script])).toEqual(expected);
  });
});

test("a thread that ends halfway fails what it was hashing", async () => {
  const directory = await copy(async (at) => {
    const path = join(at, "digest-worker.ts");
    const worker = await readFile(path, "utf8");
    await writeFile(path, worker.replace("port.postMessage(answer)", "{ port.postMessage(answer); process.exit(1); }"));
  });
  const script = join(directory, "../program.mjs");
  await writeFile(script, program(directory));
  await expect(printed([script])).rejects.toMatchObject({ stderr: expect.stringContaining("ended early") });
});
