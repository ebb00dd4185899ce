import { createHash } from "node:crypto";
import { link, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";

import { tempDir } from "@trailsum/testkit";
import { describe, expect, onTestFinished, test } from "vitest";

import { download } from "../../src/index.ts";
import { httpServer, rejection } from "./peers.ts";

type Call = (...args: never[]) => Promise<unknown>;
const fs = createRequire(import.meta.url)("node:fs/promises") as Record<string, Call>;

/** Lets a function of node:fs/promises fail with this code for some of its calls, until the test is finished. */
function failing(name: string, code: string, when: (...args: string[]) => boolean): void {
  const original = fs[name]!;
  fs[name] = async (...args: never[]) => {
    if (when(...args)) throw Object.assign(new Error(code), { code });
    return original(...args);
  };
  syncBuiltinESMExports();
  onTestFinished(() => {
    fs[name] = original;
    syncBuiltinESMExports();
  });
}

const content = "new content";
const digest = (of: string): string => `md5=:${createHash("md5").update(of).digest("base64")}:`;

async function offering(reprDigest = digest(content)): Promise<string> {
  const server = await httpServer((_request, response) =>
    response.writeHead(200, { "Repr-Digest": reprDigest }).end(content),
  );
  return server.origin;
}

/** A file with a second name, by which it shows whether it was written to or replaced. */
async function existing(text = "before, and longer than what comes"): Promise<{ path: string; other: string }> {
  const path = join(await tempDir(), "file");
  await writeFile(path, text);
  const other = `${path}-other`;
  await link(path, other);
  return { path, other };
}

async function namesIn(path: string): Promise<string[]> {
  return (await readdir(dirname(path))).toSorted();
}

describe.each(["EBUSY", "EXDEV", "EPERM", "EACCES"])("a file that cannot be renamed over, %s,", (code) => {
  const unrenameable = (path: string): void => failing("rename", code, (_from, to) => to === path);

  test("is written over once the content has been accepted", async () => {
    const { path, other } = await existing();
    unrenameable(path);
    await download(await offering(), path);
    expect(await readFile(path, "utf8")).toBe(content);
    expect(await readFile(other, "utf8")).toBe(content);
    expect(await namesIn(path)).toEqual(["file", "file-other"]);
  });

  test("is left as it was by content that is not accepted", async () => {
    const { path } = await existing("before");
    unrenameable(path);
    expect((await rejection(download(await offering(digest("x")), path))).code).toBe("DIGEST_MISMATCHED");
    expect(await readFile(path, "utf8")).toBe("before");
    expect(await namesIn(path)).toEqual(["file", "file-other"]);
  });
});

test("a new file that cannot be renamed fails, and leaves nothing", async () => {
  const path = join(await tempDir(), "file");
  failing("rename", "EPERM", (_from, to) => to === path);
  expect((await rejection(download(await offering(), path))).code).toBe("FILE_UNWRITABLE");
  expect(await namesIn(path)).toEqual([]);
});

describe.each(["EACCES", "EPERM", "EROFS"])("a directory in which nothing can be created, %s,", (code) => {
  const closed = (path: string): void =>
    failing("open", code, (opened, flags) => dirname(opened) === dirname(path) && flags === "wx+");

  test("does not keep a file in it from being written, and what is not accepted from being kept out", async () => {
    const { path, other } = await existing();
    closed(path);
    await download(await offering(), path);
    expect(await readFile(other, "utf8")).toBe(content);
    expect((await rejection(download(await offering(digest("x")), path))).code).toBe("DIGEST_MISMATCHED");
    expect(await readFile(path, "utf8")).toBe(content);
    // What was received elsewhere is not left there.
    const elsewhere = await readdir(tmpdir());
    expect(
      elsewhere.filter((name) => name.startsWith(`.${basename(path)}.`) && name.includes(`-${process.pid}-`)),
    ).toEqual([]);
  });

  test("keeps a new file from being written", async () => {
    const path = join(await tempDir(), "file");
    closed(path);
    expect((await rejection(download(await offering(), path))).code).toBe("FILE_UNWRITABLE");
  });
});

test("a file that is written over and cannot take it all is emptied: a part is not taken for the whole", async () => {
  const { path } = await existing();
  failing("rename", "EBUSY", (_from, to) => to === path);
  const probe = (await fs["open"]!(path as never)) as { close: Call };
  const prototype = Object.getPrototypeOf(probe) as { truncate: (length: number) => Promise<void> };
  await probe.close();
  const { truncate } = prototype;
  prototype.truncate = async function truncating(length) {
    if (length > 0) throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
    return Reflect.apply(truncate, this, [length]);
  };
  onTestFinished(() => {
    prototype.truncate = truncate;
  });
  expect((await rejection(download(await offering(), path))).code).toBe("NO_SPACE");
  expect((await stat(path)).size).toBe(0);
});
