import { link, readdir, readFile, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Writable } from "node:stream";

import { tempDir } from "@trailsum/testkit";
import { beforeEach, describe, expect, test } from "vitest";

import { download, type DownloadOptions } from "../../src/index.ts";
import { rejection } from "../transfer/peers.ts";
import { objectServer, type ObjectServer, patterned, sha256Field, sha256Hex } from "./object-server.ts";

const content = patterned(300_000);
const half = 150_000;
let server: ObjectServer;
let directory: string;
let path: string;

beforeEach(async () => {
  server = await objectServer(content);
  directory = await tempDir();
  path = join(directory, "file");
});

const run = (options: DownloadOptions = {}, url = `${server.origin}/a`): ReturnType<typeof download> =>
  download(url, path, { continue: true, ...options });

/** A run that is cut off after half of the content. Returns how many bytes are kept; a reset may discard some. */
async function interrupted(options: DownloadOptions = {}): Promise<number> {
  server.cutAfter = (at) => (at === 0 ? half : Infinity);
  expect((await rejection(run(options))).code).toBe("CONNECTION_LOST");
  return (await stat(join(directory, kept[0]!)).catch(() => undefined))?.size ?? 0;
}

const names = async (): Promise<string[]> => (await readdir(directory)).toSorted();
const kept = [".file.trailsum-partial", ".file.trailsum-partial.json"];

describe("a download that an earlier run was interrupted in", () => {
  test("continues under the strong tag, and the whole is verified", async () => {
    server.fields = () => ({ "Repr-Digest": sha256Field(content) });
    const size = await interrupted();
    expect(size).toBeGreaterThan(0);
    expect(await names()).toEqual(kept);
    const { verdict } = await run();
    // Where the server states a digest of the whole, the reason of the cut is asked for.
    expect(server.asked).toEqual(["GET", "GET bytes=0-0", `GET bytes=${size}- "one"`]);
    expect(verdict).toMatchObject({ name: "verified", computed: { size: content.length } });
    expect(await readFile(path)).toEqual(content);
    expect(await names()).toEqual(["file"]);
  });

  test("reports the progress of hashing what is there", async () => {
    await interrupted();
    const progress: number[] = [];
    await run({ onProgress: ({ transferred }) => void progress.push(transferred) });
    expect(progress.some((bytes) => bytes > 0 && bytes <= half)).toBe(true);
    expect(progress.at(-1)).toBe(content.length);
  });

  test("starts over when the object has changed, and never mixes two versions", async () => {
    const size = await interrupted();
    server.content = patterned(300_000, 7);
    server.tag = '"two"';
    await run();
    expect(server.asked).toEqual(["GET", `GET bytes=${size}- "one"`]);
    expect(await readFile(path)).toEqual(server.content);
  });

  test("starts over when what is there was changed, as its digest shows", async () => {
    server.fields = () => ({ "Repr-Digest": sha256Field(content) });
    await interrupted();
    const part = await readFile(join(directory, kept[0]!));
    part[5]! += 1;
    await writeFile(join(directory, kept[0]!), part);
    expect((await rejection(run())).code).toBe("DIGEST_MISMATCHED");
    expect(await names()).toEqual([]);
    await run();
    expect(await readFile(path)).toEqual(content);
  });

  test("continues from what is left of a truncated part", async () => {
    await interrupted();
    await truncate(join(directory, kept[0]!), 1_000);
    await run();
    expect(server.asked[1]).toBe('GET bytes=1000- "one"');
    expect(await readFile(path)).toEqual(content);
  });

  test("continues twice, and after an interruption by the caller", async () => {
    await interrupted();
    const controller = new AbortController();
    const aborting = run({
      signal: controller.signal,
      onProgress: ({ transferred }) => {
        if (transferred > half + 10_000) controller.abort();
      },
    });
    expect((await rejection(aborting)).code).toBe("ABORTED");
    expect(await names()).toEqual(kept);
    await run();
    expect(server.asked[2]).toMatch(/^GET bytes=\d{6}- "one"$/);
    expect(await readFile(path)).toEqual(content);
  });

  test("is complete when only its end was lost, if its digest is known", async () => {
    server.fields = () => ({ "Repr-Digest": sha256Field(content) });
    await interrupted();
    await writeFile(join(directory, kept[0]!), content);
    const { verdict } = await run();
    expect(verdict.name).toBe("verified");
    expect(server.asked).toEqual(["GET", "GET bytes=0-0", `GET bytes=${content.length}- "one"`]);
    expect(await readFile(path)).toEqual(content);
  });

  test("starts over for another URL, and continues there if the caller knows the digest", async () => {
    await interrupted();
    await run({}, `${server.origin}/b`);
    expect(server.asked[1]).toBe("GET");

    // As after a redirect to a URL that is signed anew each time.
    const signed: string[] = [];
    server.asked.length = 0;
    server.instead = ({ url = "" }, response) => {
      if (url !== "/a") return false;
      signed.push(url);
      response.writeHead(302, { Location: `/signed?${signed.length}` }).end();
      return true;
    };
    server.cutAfter = (at) => (at === 1 ? half : Infinity);
    const checksum = { "sha-256": sha256Hex(content) };
    await rejection(run({ checksum }));
    await run({ checksum });
    expect(server.asked.at(-1)).toMatch(/^GET bytes=\d+- "one"$/);
  });

  test.each([
    ["a weak tag", 'W/"one"'],
    ["a malformed tag", "one"],
  ])("is not kept under %s", async (_what, tag) => {
    server.tag = tag;
    await interrupted();
    expect(await names()).toEqual([]);
  });

  test("is not kept without being asked for", async () => {
    await interrupted({ continue: false });
    expect(await names()).toEqual([]);
  });

  test("starts over where its state is damaged", async () => {
    for (const damage of ["", "{", '{"version":1}', '{"version":2}', "[]", "x".repeat(300_000)]) {
      server.asked.length = 0;
      await interrupted();
      await writeFile(join(directory, kept[1]!), damage);
      await run();
      expect(server.asked).toEqual(["GET", "GET"]);
      expect(await readFile(path)).toEqual(content);
    }
  });
});

describe("a part file", () => {
  test("is not written to through a link, symbolic or not", async () => {
    const victim = join(await tempDir(), "victim");
    await writeFile(victim, "precious");
    await symlink(victim, join(directory, kept[0]!));
    expect((await rejection(run())).code).toBe("FILE_UNWRITABLE");
    expect(await readFile(victim, "utf8")).toBe("precious");

    const other = join(directory, "other");
    await writeFile(other, "precious");
    path = join(directory, "again");
    await link(other, join(directory, ".again.trailsum-partial"));
    expect((await rejection(run())).message).toContain("is not a file of this user");
    expect(await readFile(other, "utf8")).toBe("precious");
  });

  test("has one writer at a time", async () => {
    server.instead = (_request, response) => {
      response.writeHead(200, { "Content-Length": 10 }).write("x");
      return true;
    };
    const controller = new AbortController();
    const first = rejection(run({ signal: controller.signal }));
    await expect.poll(() => server.asked.length).toBe(1);
    expect((await rejection(run())).message).toContain("another process is downloading to it");
    controller.abort();
    await first;
    expect(await names()).toEqual([]);
  });

  test("has a name that fits, however long the name of the file is", async () => {
    path = join(directory, "n".repeat(250));
    await interrupted();
    expect(await names()).toHaveLength(2);
    await run();
    expect(server.asked).toHaveLength(2);
  });

  test("is not for streams and devices", async () => {
    const sink = new Writable({ write: (_chunk, _encoding, done) => done() });
    expect((await rejection(download(server.origin, sink, { continue: true }))).code).toBe("USAGE");
    expect((await rejection(download(server.origin, "/dev/null", { continue: true }))).code).toBe("USAGE");
  });
});
