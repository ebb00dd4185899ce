import { appendFileSync, createReadStream, statSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { appendFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";

import { TrailsumError } from "@trailsum/shared";
import { tempDir } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { upload, type UploadSource } from "../../src/index.ts";
import { receiver, type Receiver, rejection } from "./peers.ts";

const broken = new Error("the disk is gone");
const MiB = 1024 * 1024;

/** What arrived was cut: there is an upload, and none that looks complete. */
async function expectCut(server: Receiver): Promise<void> {
  await expect.poll(() => server.uploads.length).toBeGreaterThan(0);
  for (const { complete, trailer } of server.uploads) {
    expect(complete).toBe(false);
    expect([...trailer]).toEqual([]);
  }
}

async function* failing(error: unknown): AsyncGenerator<string> {
  yield "some";
  await Promise.reject(error);
}

describe("an upload whose source breaks is cut, and fails with its error:", () => {
  const sources: readonly [kind: string, make: () => UploadSource][] = [
    ["a generator that throws", () => failing(broken)],
    [
      "a Node stream that fails",
      () => {
        let reads = 0;
        return new Readable({
          read() {
            reads += 1;
            if (reads === 1) this.push("some");
            else this.destroy(broken);
          },
        });
      },
    ],
    ["a web stream that fails", () => ReadableStream.from(failing(broken))],
  ];
  test.each(sources)("%s", async (_kind, make) => {
    const server = await receiver();
    const error = await rejection(upload(server.origin, make()));
    expect(error).toMatchObject({ code: "FILE_UNREADABLE", message: "the disk is gone", cause: broken });
    await expectCut(server);
  });

  test("a stream that is destroyed without an error", async () => {
    const server = await receiver();
    const source = new PassThrough();
    source.write("some");
    const onProgress = (): void => void source.destroy();
    expect((await rejection(upload(server.origin, source, { onProgress }))).code).toBe("FILE_UNREADABLE");
    await expectCut(server);
  });

  test("one that fails with an error of ours, which is kept", async () => {
    const server = await receiver();
    const own = new TrailsumError("NO_SPACE", "elsewhere");
    expect(await rejection(upload(server.origin, failing(own)))).toBe(own);
    await expectCut(server);
  });

  test("one that throws a value that is not an error", async () => {
    const server = await receiver();
    expect(await rejection(upload(server.origin, failing("text")))).toMatchObject({
      code: "FILE_UNREADABLE",
      message: "text",
    });
    await expectCut(server);
  });

  test("a stream of a file that is not there, which fails before it is read", async () => {
    const server = await receiver();
    const source = createReadStream("/nowhere/at/all");
    const error = await rejection(upload(server.origin, source));
    expect(error).toMatchObject({ code: "FILE_UNREADABLE", message: expect.stringContaining("ENOENT") });
    expect(server.uploads.every(({ complete }) => !complete)).toBe(true);
  });

  test("an upload whose progress listener throws is cut as well", async () => {
    const server = await receiver();
    const onProgress = (): never => {
      throw broken;
    };
    const error = await rejection(upload(server.origin, ["some".repeat(20_000), "more"], { onProgress }));
    expect(error).toMatchObject({ code: "INTERNAL", cause: broken });
    await expectCut(server);
  });
});

describe("an upload of a file that changes while it is read is cut:", () => {
  const changes: readonly [change: string, act: (path: string) => void][] = [
    ["it grows", (path) => appendFileSync(path, "more")],
    ["it is cut short", (path) => truncateSync(path, MiB)],
    ["it is emptied", (path) => truncateSync(path, 0)],
    [
      "it is written again, with as many bytes",
      (path) => {
        writeFileSync(path, Buffer.alloc(2 * MiB, "b"));
        // The clock of a file system may tick too slowly for a test.
        const { mtimeMs } = statSync(path);
        utimesSync(path, mtimeMs / 1000, mtimeMs / 1000 + 1);
      },
    ],
  ];
  test.each(changes)("%s", async (_change, act) => {
    const server = await receiver();
    const path = join(await tempDir(), "file");
    await writeFile(path, Buffer.alloc(2 * MiB, "a"));
    let changed = false;
    const onProgress = (): void => {
      if (!changed) act(path);
      changed = true;
    };
    const error = await rejection(upload(server.origin, path, { onProgress, retries: 1 }));
    expect(error).toMatchObject({
      code: "FILE_CHANGED",
      message: expect.stringContaining("changed while it was read"),
    });
    await expectCut(server);
  });

  test("it is written over in place, and its modification time restored", async () => {
    const server = await receiver();
    const path = join(await tempDir(), "file");
    await writeFile(path, Buffer.alloc(2 * MiB, "a"));
    // A whole second, which can be set again to the nanosecond.
    utimesSync(path, 1_000, 1_000);
    const onProgress = (): void => {
      writeFileSync(path, Buffer.alloc(2 * MiB, "b"), { flag: "r+" });
      utimesSync(path, 1_000, 1_000);
    };
    expect((await rejection(upload(server.origin, path, { onProgress }))).code).toBe("FILE_CHANGED");
    await expectCut(server);
  });

  test("it grows for ever, faster than it is read", async () => {
    const server = await receiver();
    const path = join(await tempDir(), "log");
    await writeFile(path, Buffer.alloc(MiB, "a"));
    const onProgress = (): void => appendFileSync(path, Buffer.alloc(MiB, "b"));
    expect((await rejection(upload(server.origin, path, { onProgress }))).code).toBe("FILE_CHANGED");
    await expectCut(server);
  });

  test("but not when it changed before, or changes afterwards", async () => {
    const server = await receiver();
    const path = join(await tempDir(), "file");
    await writeFile(path, "content");
    await truncate(path, 4);
    const { digests } = await upload(server.origin, path);
    await appendFile(path, "more");
    expect(digests.size).toBe(4);
    expect(server.uploads).toMatchObject([{ complete: true, content: Buffer.from("cont") }]);
  });
});
