import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { tempDir } from "@trailsum/testkit";
import { assert, integer, nat, property } from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";

import { download, type DownloadOptions } from "../../src/index.ts";
import { planRanges } from "../../src/download/ranges/range-plan.ts";
import { rejection } from "../transfer/peers.ts";
import { objectServer, type ObjectServer, patterned, sha256Field, sha256Hex } from "./object-server.ts";

const rangeSize = 65_536;
const content = patterned(10 * rangeSize + 100);
let server: ObjectServer;
let directory: string;
let path: string;

beforeEach(async () => {
  server = await objectServer(content);
  directory = await tempDir();
  path = join(directory, "file");
});

const run = (options: DownloadOptions = {}): ReturnType<typeof download> =>
  download(`${server.origin}/a`, path, { jobs: 4, rangeSize, ...options });

const names = async (): Promise<string[]> => (await readdir(directory)).toSorted();

describe("a download in ranges", () => {
  test("asks for each range of one version once, and verifies the whole", async () => {
    server.fields = (part) => ({ "Repr-Digest": sha256Field(content), "Content-Digest": sha256Field(part) });
    const progress: number[] = [];
    const { verdict } = await run({ onProgress: ({ transferred }) => void progress.push(transferred) });
    const ranges = planRanges(0, content.length, rangeSize).map(({ start, end }) => `bytes=${start}-${end - 1}`);
    expect(server.asked[0]).toBe(`GET ${ranges[0]}`);
    expect(server.asked.slice(1).toSorted()).toEqual(
      ranges
        .slice(1)
        .map((range) => `GET ${range} "one"`)
        .toSorted(),
    );
    expect(verdict).toMatchObject({ name: "verified", computed: { size: content.length } });
    expect(await readFile(path)).toEqual(content);
    expect(progress.at(-1)).toBe(content.length);
    expect(await names()).toEqual(["file"]);
  });

  test("fetches several at a time, and no more than asked for", async () => {
    let open = 0;
    let most = 0;
    const { promise: three, resolve } = Promise.withResolvers<void>();
    server.instead = (_request, response) => {
      open += 1;
      most = Math.max(most, open);
      response.once("close", () => (open -= 1));
      return false;
    };
    // The first three after the first one wait for each other.
    server.before = async (at) => {
      if (at === 3) resolve();
      if (at > 0) await three;
    };
    await run({ jobs: 3 });
    expect(most).toBeLessThanOrEqual(3);
  });

  test("fetches a damaged range again, as its Content-Digest shows", async () => {
    let damaged = false;
    server.fields = (part) => {
      const field = { "Repr-Digest": sha256Field(content), "Content-Digest": sha256Field(part) };
      if (damaged || part.length !== 100) return field;
      damaged = true;
      return { ...field, "Content-Digest": sha256Field(Buffer.from("other")) };
    };
    expect((await rejection(run())).code).toBe("DIGEST_MISMATCHED");
    expect(await names()).toEqual([]);
    damaged = false;
    server.asked.length = 0;
    await run({ retries: 1 });
    expect(server.asked).toHaveLength(12);
    expect(await readFile(path)).toEqual(content);
  });

  test("fetches only a range that was cut short again", async () => {
    server.cutAfter = (at) => (at === 3 ? 1_000 : Infinity);
    await run({ retries: 1 });
    expect(server.asked).toHaveLength(12);
    expect(await readFile(path)).toEqual(content);
  });

  test("does not keep a whole that differs from its digest", async () => {
    server.fields = () => ({ "Repr-Digest": sha256Field(Buffer.from("other")) });
    expect((await rejection(run())).code).toBe("DIGEST_MISMATCHED");
    expect(await names()).toEqual([]);
  });

  test("starts over in one stream when the object changes meanwhile", async () => {
    server.instead = (_request, _response, at) => {
      if (at === 3) Object.assign(server, { content: patterned(content.length, 5), tag: '"two"' });
      return false;
    };
    await run();
    expect(await readFile(path)).toEqual(server.content);
    expect(server.asked.at(-1)).not.toContain("If-Match");
  });

  test.each([
    ["a server that ignores ranges", (headers: Record<string, unknown>) => void delete headers["range"]],
    ["a server with weak tags", () => void (server.tag = 'W/"one"')],
  ])("falls back to one stream for %s", async (_what, change) => {
    server.instead = ({ headers }) => {
      change(headers);
      return false;
    };
    await run();
    expect(await readFile(path)).toEqual(content);
    expect(server.asked.length).toBeLessThanOrEqual(2);
  });

  test("falls back to one stream for a server that gives other ranges later", async () => {
    server.instead = ({ headers }, _response, at) => {
      if (at === 2) headers["range"] = "bytes=0-9";
      if (at === 3) delete headers["range"];
      return false;
    };
    await run();
    expect(await readFile(path)).toEqual(content);
  });

  test("takes an empty object, and one that is smaller than a range", async () => {
    for (const size of [0, 1, 1_000, rangeSize, rangeSize + 1]) {
      server.content = patterned(size);
      await run();
      expect(await readFile(path)).toEqual(server.content);
    }
  });

  test("gets the trailers of the whole where something has to be verified", async () => {
    server.instead = ({ headers }, response) => {
      if (headers.range !== undefined) return false;
      response.writeHead(200, { Trailer: "Repr-Digest", ETag: '"one"' });
      response.addTrailers({ "Repr-Digest": sha256Field(content) });
      response.end(content);
      return true;
    };
    const { verdict } = await run({ require: ["sha-256"] });
    expect(verdict.name).toBe("verified");
    expect(server.asked).toHaveLength(2);
  });

  test("continues an earlier run after its first gap", async () => {
    const checksum = { "sha-256": sha256Hex(content) };
    server.cutAfter = (at) => (at === 3 ? 1_000 : Infinity);
    await rejection(run({ continue: true, jobs: 2 }));
    const before = server.asked.length;
    const { verdict } = await run({ continue: true, checksum });
    const again = server.asked.slice(before);
    expect(again[0]).toMatch(/^GET bytes=\d+-\d+ "one"$/);
    expect(again.length).toBeLessThan(11);
    expect(verdict.name).toBe("verified");
    expect(await readFile(path)).toEqual(content);
  });
});

test("ranges cover everything once, in order", () => {
  assert(
    property(nat(1_000), nat(1_000), integer({ min: 1, max: 100 }), (start, length, size) => {
      const ranges = planRanges(start, start + length, size);
      expect([start, ...ranges.map(({ end }) => end)]).toEqual([...ranges.map((range) => range.start), start + length]);
      expect(ranges.every((range) => range.end - range.start <= size && range.end > range.start)).toBe(true);
    }),
  );
});
