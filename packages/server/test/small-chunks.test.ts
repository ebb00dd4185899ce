import { rawClient } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { ChunkOverhead } from "../src/request/chunk-overhead.ts";
import { SmallChunks } from "../src/request/small-chunks.ts";
import { answerOf, chunked, handle, md5, readObject, readResponse, request } from "./peer.ts";

test("small pieces that arrive together are put together, in order", async () => {
  const written: string[] = [];
  const chunks = new SmallChunks((bytes) => void written.push(bytes.toString()));
  for (const piece of ["a", "b", "c".repeat(2000), "d", "e"]) chunks.add(Buffer.from(piece));
  expect(written).toEqual(["ab", "c".repeat(2000)]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(written).toEqual(["ab", "c".repeat(2000), "de"]);
  chunks.add(Buffer.from("f"));
  chunks.flush();
  expect(written.at(-1)).toBe("f");
});

test("no more than 16 KiB of small pieces is put together", () => {
  const written: number[] = [];
  const chunks = new SmallChunks((bytes) => void written.push(bytes.length));
  for (let at = 0; at < 40; at += 1) chunks.add(Buffer.alloc(1000));
  chunks.flush();
  expect(written).toEqual([16_000, 16_000, 8_000]);
});

test("content in chunks of one byte is stored", async () => {
  const { port, store } = await handle();
  const bytes = Buffer.from("abcdefghij".repeat(2000));
  const pieces = Array.from(bytes, (byte) => Buffer.of(byte));
  const client = await rawClient(port);
  const fields = ["Transfer-Encoding: chunked", "Trailer: Md5"];
  await client.write(request("PUT /tiny", fields, chunked(pieces, [`Md5: ${md5(bytes)}`])));
  expect((await readResponse(client)).startLine).toContain("201");
  expect((await readObject(store, "tiny"))?.equals(bytes)).toBe(true);
  client.destroy();
});

test("content in very many chunks of one byte is refused", async () => {
  const { port, store } = await handle();
  const client = await rawClient(port);
  void client.write(request("PUT /tiny", ["Transfer-Encoding: chunked", "Trailer: Md5"]));
  void client.write("1\r\na\r\n".repeat(200_000));
  const answer = answerOf(await readResponse(client));
  expect([answer.status, answer.field("Connection")]).toEqual([400, "close"]);
  expect(answer.json.detail).toContain("chunks of less than 16 bytes");
  client.destroy();
  expect(await readObject(store, "tiny")).toBeUndefined();
});

test("chunks of 16 bytes are never too many", () => {
  const overhead = new ChunkOverhead();
  const exceeded = (length: number): boolean =>
    Array.from({ length: 200_000 }, () => length).some((one) => overhead.exceededBy(one));
  expect([exceeded(16), exceeded(15)]).toEqual([false, true]);
});
