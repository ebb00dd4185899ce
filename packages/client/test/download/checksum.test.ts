import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { tempDir } from "@trailsum/testkit";
import { beforeEach, expect, test } from "vitest";

import { createRateLimit, download, type DownloadOptions } from "../../src/index.ts";
import { rejection } from "../transfer/peers.ts";
import { objectServer, type ObjectServer, patterned, sha256Field, sha256Hex } from "./object-server.ts";

const content = patterned(10_000);
const checksum = { "sha-256": sha256Hex(content).toUpperCase() };
const wrong = { "sha-256": sha256Hex(patterned(10_000, 2)) };
let server: ObjectServer;
let directory: string;

beforeEach(async () => {
  server = await objectServer(content);
  directory = await tempDir();
});

const run = (options: DownloadOptions): ReturnType<typeof download> =>
  download(server.origin, join(directory, "file"), options);

test("a checksum verifies content that the server says nothing about", async () => {
  const { verdict } = await run({ checksum, require: ["sha-256"], allowUnverified: false });
  expect(verdict).toMatchObject({ name: "verified", checked: [], expected: [{ algorithm: "sha-256", holds: true }] });
  expect(await readFile(join(directory, "file"))).toEqual(content);
});

test("content without the checksum is not kept, whatever the server says", async () => {
  server.fields = () => ({ "Repr-Digest": sha256Field(content) });
  const error = await rejection(run({ checksum: wrong }));
  expect([error.code, error.meaning.exit]).toEqual(["DIGEST_MISMATCHED", 6]);
  expect(error.message).toContain("the sha-256 checksum that was asked for");
  expect(await readdir(directory)).toEqual([]);
});

test("a digest of the server that differs is refused, checksum or not", async () => {
  server.fields = () => ({ "Repr-Digest": sha256Field(Buffer.from("other")) });
  expect((await rejection(run({ checksum }))).code).toBe("DIGEST_MISMATCHED");
});

test("a checksum replaces trailers that were dropped", async () => {
  server.instead = (_request, response) => {
    response.writeHead(200, { Trailer: "Md5" }).end(content);
    return true;
  };
  expect((await run({ checksum })).verdict.name).toBe("verified");
  expect((await rejection(run({ checksum: {} }))).code).toBe("DIGEST_MISSING");
});

test("several checksums must all match", async () => {
  expect((await rejection(run({ checksum: { ...checksum, md5: "0".repeat(32) } }))).code).toBe("DIGEST_MISMATCHED");
});

test("a checksum that cannot be one is refused before anything is asked", async () => {
  for (const value of ["", "12", `${checksum["sha-256"]}0`, "g".repeat(64), new Uint8Array(3)])
    expect((await rejection(run({ checksum: { "sha-256": value } }))).code).toBe("USAGE");
  expect((await rejection(run({ checksum: { crc: "00" } as object }))).code).toBe("UNKNOWN_ALGORITHM");
  expect(server.asked).toEqual([]);
});

test("a rate limit holds for all transfers that share it", async () => {
  const limitRate = createRateLimit(50_000);
  const began = performance.now();
  const paths = ["a", "b", "c"].map((name) => join(directory, name));
  await Promise.all(paths.map((path) => download(server.origin, path, { limitRate })));
  // 30,000 bytes, of which a tenth of a second may come at once.
  expect(performance.now() - began).toBeGreaterThan(490);
});

test("a rate limit must be a positive number, and ends with the download", async () => {
  for (const limitRate of [0, -1, Number.NaN, Infinity])
    expect((await rejection(run({ limitRate }))).code).toBe("USAGE");
  const signal = AbortSignal.timeout(20);
  expect((await rejection(run({ limitRate: 1, signal }))).code).toBe("ABORTED");
});
