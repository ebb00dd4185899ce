import { createHash } from "node:crypto";

import { fieldValues, rawServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { upload, type UploadOptions } from "../../src/index.ts";
import { receiver, rejection, wholeRequest, wireResponse } from "./peers.ts";

// The check string of the CRC catalogues, whose values are published.
const content = "123456789";
const md5Hex = "25f9e794323b453885f5181f1b624d0b";
const base64 = (hex: string): string => Buffer.from(hex, "hex").toString("base64");
const sha256 = createHash("sha256").update(content).digest("base64");

async function onTheWire(options: UploadOptions = {}): Promise<Awaited<ReturnType<typeof wholeRequest>>> {
  const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<typeof wholeRequest>>>();
  const server = await rawServer(async (connection) => {
    const message = await wholeRequest(connection);
    void connection.write(wireResponse("201 Created", [["Content-Length", "0"]]));
    resolve(message);
  });
  await upload(`${server.origin}/path/to%20it?q=1#fragment`, ["12345", "6789"], { delivery: "trailers", ...options });
  return promise;
}

describe("the message of an upload", () => {
  test("is a chunked PUT with its digests after it, announced", async () => {
    const { startLine, fieldLines, body, trailerLines, rest } = await onTheWire();
    expect(startLine).toBe("PUT /path/to%20it?q=1 HTTP/1.1");
    expect(fieldValues(fieldLines, "Transfer-Encoding")).toEqual(["chunked"]);
    expect(fieldValues(fieldLines, "Content-Length")).toEqual([]);
    expect(fieldValues(fieldLines, "Trailer")).toEqual(["Md5, Size, Content-Digest"]);
    expect(fieldValues(fieldLines, "TE")).toEqual(["trailers"]);
    expect(fieldValues(fieldLines, "Connection").join()).toMatch(/\bTE\b/);
    expect(fieldValues(fieldLines, "Want-Repr-Digest")).toEqual(["sha-256=10, md5=1"]);
    expect(fieldValues(fieldLines, "User-Agent").join()).toMatch(/^trailsum/);
    expect(body.toString()).toBe(content);
    expect(trailerLines).toEqual([
      `Md5: ${md5Hex}`,
      "Size: 9",
      `Content-Digest: sha-256=:${sha256}:, md5=:${base64(md5Hex)}:`,
    ]);
    expect(rest).toHaveLength(0);
  });

  test("carries every further digest in Content-Digest, and asks for the same", async () => {
    const { fieldLines, trailerLines } = await onTheWire({ algorithms: ["sha-256", "crc32c", "crc64nvme"] });
    expect(fieldValues(fieldLines, "Trailer")).toEqual(["Md5, Size, Content-Digest"]);
    expect(fieldValues(fieldLines, "Want-Repr-Digest")).toEqual(["sha-256=10, crc64nvme=4, crc32c=3, md5=1"]);
    expect(trailerLines).toEqual([
      `Md5: ${md5Hex}`,
      "Size: 9",
      `Content-Digest: sha-256=:${sha256}:, crc32c=:${base64("e3069283")}:, ` +
        `crc64nvme=:${base64("ae8b14860a799888")}:, md5=:${base64(md5Hex)}:`,
    ]);
  });

  test("names md5 once when the caller asks for it too", async () => {
    const { fieldLines, trailerLines } = await onTheWire({ algorithms: ["md5", "md5"] });
    expect(fieldValues(fieldLines, "Want-Repr-Digest")).toEqual(["md5=1"]);
    expect(fieldValues(trailerLines, "Content-Digest")).toEqual([`md5=:${base64(md5Hex)}:`]);
  });

  test("has no md5 and no Md5 when that is switched off", async () => {
    const { fieldLines, trailerLines } = await onTheWire({ md5: false });
    expect(fieldValues(fieldLines, "Trailer")).toEqual(["Size, Content-Digest"]);
    expect(fieldValues(fieldLines, "Want-Repr-Digest")).toEqual(["sha-256=10"]);
    expect(trailerLines).toEqual(["Size: 9", `Content-Digest: sha-256=:${sha256}:`]);
  });

  test.each<[string, UploadOptions]>([
    ["md5 both chosen and switched off", { algorithms: ["md5"], md5: false }],
    ["no algorithm at all", { algorithms: [], md5: false }],
  ])("is refused with %s", async (_what, options) => {
    const error = await rejection(upload("http://127.0.0.1:1/a", [content], options));
    expect(error).toMatchObject({ code: "USAGE", message: expect.stringContaining("md5") });
  });

  test("is a POST when that is asked for", async () => {
    const { startLine, trailerLines } = await onTheWire({ method: "POST" });
    expect(startLine).toMatch(/^POST /);
    expect(trailerLines).toHaveLength(3);
  });

  test("carries the caller's fields, which replace ours in any case", async () => {
    const { fieldLines } = await onTheWire({
      headers: [
        ["X-Own", "one"],
        ["X-Own", "two"],
        ["user-agent", "mine/1"],
        ["want-repr-digest", "sha-512=1"],
        ["Content-Type", "text/plain"],
      ],
    });
    expect(fieldValues(fieldLines, "X-Own")).toEqual(["one", "two"]);
    expect(fieldValues(fieldLines, "User-Agent")).toEqual(["mine/1"]);
    expect(fieldValues(fieldLines, "Want-Repr-Digest")).toEqual(["sha-512=1"]);
    expect(fieldValues(fieldLines, "Content-Type")).toEqual(["text/plain"]);
  });

  test("stays chunked, with its trailers, whatever Content-Length the caller gives", async () => {
    const { fieldLines, trailerLines } = await onTheWire({ headers: { "Content-Length": "9" } });
    expect(fieldValues(fieldLines, "Content-Length")).toEqual([]);
    expect(trailerLines).toHaveLength(3);
  });

  test.each([
    ["an invalid name", { "no name": "x" }],
    ["a line break in a value", { "X-Own": "a\r\nEvil: yes" }],
    ["an expectation that is unknown", { Expect: "wonders" }],
  ])("is never sent with %s", async (_fault, headers) => {
    const server = await receiver();
    const error = await rejection(upload(server.origin, content.split(""), { headers }));
    expect(error).toMatchObject({ code: "USAGE", message: expect.stringContaining("cannot be sent") });
    expect(server.uploads).toEqual([]);
  });
});

test("the result of an upload reports what was sent, where to, and what was answered", async () => {
  const server = await receiver((response) => response.writeHead(200, { ETag: '"x"' }).end("thanks"));
  const result = await upload(`${server.origin}/a`, [content], { algorithms: ["sha-256"] });
  expect(result).toMatchObject({ url: `${server.origin}/a`, status: 200, digests: { size: 9 }, confirmedBy: "none" });
  expect(result.headers.get("etag")).toBe('"x"');
  expect([...result.digests.values].map(([name, value]) => [name, value.toString("hex")])).toEqual([
    ["sha-256", Buffer.from(sha256, "base64").toString("hex")],
    ["md5", md5Hex],
  ]);
});
