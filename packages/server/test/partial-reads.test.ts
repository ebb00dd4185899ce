import { createHash } from "node:crypto";
import { readdir, readlink, utimes } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { protocols } from "./http2-peer.ts";
import { base64, directoryFixture, etag, exchange, handle, request } from "./peer.ts";
import { digestsOf, put, stage } from "./store-contract.ts";

const bytes = Buffer.from(Array.from({ length: 2_000 }, (_, at) => (at * 7) % 251));
const te = "TE: trailers";

describe.each(protocols)("a range of an object, over %s", (protocol, via) => {
  test("is answered with the part, the digest of the whole, and that of the part after it", async () => {
    const { port, store } = await via.handle();
    await put(store, "it", bytes);
    const part = bytes.subarray(700, 1_401);
    const answer = await via.exchange(port, request("GET /it", ["Range: bytes=700-1400", te]));
    expect(answer.status).toBe(206);
    expect(answer.message.body.equals(part)).toBe(true);
    expect(answer.field("Content-Range")).toBe("bytes 700-1400/2000");
    expect(answer.field("Repr-Digest")).toBe(`md5=:${base64("md5", bytes)}:, sha-256=:${base64("sha256", bytes)}:`);
    expect(answer.field("ETag")).toBe(etag(bytes));
    expect(answer.field("Unencoded-Digest")).toBeUndefined();
    const trailers = answer.message.trailerLines.map((line) => line.toLowerCase());
    expect(trailers).toContain(`content-digest: sha-256=:${base64("sha256", part)}:`.toLowerCase());
    expect(trailers).toContain(`size: ${part.length}`);
  });

  test("comes with its length to a client that takes no trailers", async () => {
    const { port, store } = await via.handle();
    await put(store, "it", bytes);
    const answer = await via.exchange(port, request("GET /it", ["Range: bytes=-5"]));
    expect(answer.message.body.equals(bytes.subarray(-5))).toBe(true);
    expect(answer.field("Content-Length")).toBe(protocol === "HTTP/2" ? undefined : "5");
  });

  test("outside of it is answered 416, with its size", async () => {
    const { port, store } = await via.handle();
    await put(store, "it", bytes);
    const answer = await via.exchange(port, request("GET /it", ["Range: bytes=2000-"]));
    expect([answer.status, answer.field("Content-Range")]).toEqual([416, "bytes */2000"]);
    expect(answer.json["status"]).toBe(416);
  });

  test("is ignored with HEAD", async () => {
    const { port, store } = await via.handle();
    await put(store, "it", bytes);
    const answer = await via.exchange(port, request("HEAD /it", ["Range: bytes=0-0"]), { head: true });
    expect([answer.status, answer.field("Content-Range")]).toEqual([200, undefined]);
    expect(answer.field("Accept-Ranges")).toBe("bytes");
  });

  test("and more of them come in one multipart answer, in their order", async () => {
    const { port, store } = await via.handle();
    const fields = [["Content-Type", "text/plain"]] as const;
    await (await stage(store, "it", bytes, { fields })).commit(await digestsOf(bytes));
    const answer = await via.exchange(port, request("GET /it", ["Range: bytes=1000-1009, 0-9,-1", te]));
    const { body } = answer.message;
    const [, boundary] = /^multipart\/byteranges; boundary=(\w+)$/.exec(answer.field("Content-Type")!)!;
    const part = (start: number, end: number): Buffer =>
      Buffer.concat([
        Buffer.from(
          `--${boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes ${start}-${end - 1}/2000\r\n\r\n`,
        ),
        bytes.subarray(start, end),
        Buffer.from("\r\n"),
      ]);
    const parts = [part(1_000, 1_010), part(0, 10), part(1_999, 2_000)];
    expect(answer.status).toBe(206);
    expect(body.equals(Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]))).toBe(true);
    expect([answer.field("Content-Range"), answer.field("Unencoded-Digest")]).toEqual([undefined, undefined]);
    const trailers = answer.message.trailerLines.join("\n");
    expect(trailers).toContain(`sha-256=:${base64("sha256", body)}:`);
  });
});

test("many ranges of a file are read from one open file, which is closed at the end", async () => {
  const { directory, store } = await directoryFixture();
  await put(store, "it", bytes);
  const { port, settled } = await handle({ store });
  const answer = await exchange(port, request("GET /it", ["Range: bytes=0-1,10-11,20-21"]));
  await settled();
  expect([answer.status, answer.field("Content-Length")]).toEqual([206, String(answer.message.body.length)]);
  const descriptors = await readdir("/proc/self/fd");
  const open = await Promise.all(descriptors.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")));
  expect(open).not.toContain(join(directory, "it"));
});

describe("If-Range", () => {
  const modified = new Date("2026-01-01T00:00:00Z");
  const start = async (date = modified) => {
    const { directory, store } = await directoryFixture();
    await put(store, "it", bytes);
    await utimes(join(directory, "it"), date, date);
    await (await store.open("it", { digest: true }))!.close();
    return handle({ store });
  };
  const hex = createHash("sha256").update(bytes).digest("hex");

  test.each([
    [`"${hex}"`, 206],
    [`W/"${hex}"`, 200],
    ['"other"', 200],
    [hex, 200],
    ["*", 200],
    [modified.toUTCString(), 206],
    ["Thursday, 01-Jan-26 00:00:00 GMT", 206],
    ["Thu, 01 Jan 2026 00:00:01 GMT", 200],
    ["Wed, 31 Dec 2025 23:59:59 GMT", 200],
    ["yesterday", 200],
  ])("%s: %i", async (value, status) => {
    const { port } = await start();
    const answer = await exchange(port, request("GET /it", ["Range: bytes=0-9", `If-Range: ${value}`]));
    expect([answer.status, answer.message.body.length]).toEqual([status, status === 206 ? 10 : bytes.length]);
  });

  test("a date of this very second says nothing for sure: 200", async () => {
    const now = new Date(Math.floor(Date.now() / 1000) * 1000 + 3_600_000);
    const { port } = await start(now);
    const whole = await exchange(port, request("GET /it"));
    const answer = await exchange(
      port,
      request("GET /it", ["Range: bytes=0-9", `If-Range: ${whole.field("Last-Modified")}`]),
    );
    expect(answer.status).toBe(200);
  });

  test("without a Range it is ignored", async () => {
    const { port } = await start();
    expect((await exchange(port, request("GET /it", ['If-Range: "other"']))).status).toBe(200);
  });
});
