import { cuts, inChunks } from "@trailsum/testkit/random-http1";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { ChunkedDecoder } from "../../src/http1/chunked-decoder.ts";
import { faultOf } from "./fault.ts";

/** What is decoded from `pieces`, and what stands after the last chunk. */
function decode(pieces: readonly Buffer[]): { content: string; rest: string; done: boolean } {
  const decoder = new ChunkedDecoder();
  let content = "";
  let rest = "";
  for (const piece of pieces) {
    let at = 0;
    while (!decoder.done && at < piece.length) {
      content += decoder.read(piece, at)?.toString("latin1") ?? "";
      at = decoder.position;
    }
    rest += piece.toString("latin1", at);
  }
  return { content, rest, done: decoder.done };
}

function decodeText(text: string): ReturnType<typeof decode> {
  return decode([Buffer.from(text, "latin1")]);
}

test("content is separated from its framing, and what follows the last chunk is left", () =>
  expect(decodeText('3\r\nabc\r\n00A;x;y=1;z="\\";"\r\n0123456789\r\n0\r\nMd5: 1\r\n\r\n')).toEqual({
    content: "abc0123456789",
    rest: "Md5: 1\r\n\r\n",
    done: true,
  }));

test("content is a view of what was read", () => {
  const bytes = Buffer.from("3\r\nabc\r\n");
  expect(new ChunkedDecoder().read(bytes, 0)?.buffer).toBe(bytes.buffer);
});

test("the content of small chunks is put together", () => {
  const bytes = Buffer.from(`${"1\r\na\r\n".repeat(500)}f\r\n${"b".repeat(15)}\r\n10\r\n${"c".repeat(16)}\r\n0\r\n`);
  const pieces: string[] = [];
  const decoder = new ChunkedDecoder();
  for (let at = 0; !decoder.done; at = decoder.position) {
    const piece = decoder.read(bytes, at);
    if (piece !== undefined) pieces.push(piece.toString());
  }
  expect(pieces).toEqual(["a".repeat(500) + "b".repeat(15), "c".repeat(16)]);
});

test("small chunks are put together wherever the bytes are cut", () => {
  const bytes = Buffer.from(`${"1\r\na\r\n2\r\nbc\r\n".repeat(3000)}0\r\n`);
  const content = "abc".repeat(3000);
  for (const length of [1, 7, 4096]) {
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += length) pieces.push(bytes.subarray(at, at + length));
    expect(decode(pieces)).toEqual({ content, rest: "", done: true });
  }
});

test("chunks are read as in one piece wherever they are cut", () => {
  fc.assert(
    fc.property(inChunks, cuts, ({ body }, cut) => {
      const bytes = Buffer.from(body, "latin1");
      const whole = decode([bytes]);
      expect(whole.done).toBe(true);
      expect(decode(cut(bytes))).toEqual(whole);
    }),
    { numRuns: 300 },
  );
});

describe("a fault in the syntax of chunks", () => {
  test.each([
    ["a sign", "+3\r\n", "INVALID_CHUNK_SIZE"],
    ["a prefix", "0x3\r\n", "INVALID_CHUNK_SIZE"],
    ["a space after the size", "3 \r\n", "INVALID_CHUNK_SIZE"],
    ["no size", "\r\n", "INVALID_CHUNK_SIZE"],
    ["17 digits", "00000000000000003\r\n", "INVALID_CHUNK_SIZE"],
    ["a size that cannot be counted", "20000000000000\r\n", "INVALID_CHUNK_SIZE"],
    ["a bare LF after the size", "3\n", "INVALID_CHUNK_SIZE"],
    ["a bare CR after the size", "3\rabc", "INVALID_CHUNK_SIZE"],
    ["an extension without a name", "3;=a\r\n", "INVALID_CHUNK_SIZE"],
    ["an extension with a bare LF", "3;a\n\r\n", "INVALID_CHUNK_SIZE"],
    ["data longer than its size", "3\r\nabcd", "STRICT"],
    ["a bare LF after data", "3\r\nabc\n", "STRICT"],
    ["a bare CR after data", "3\r\nabc\r0", "STRICT"],
    ["more extensions than are skipped", `3;a=${"b".repeat(16_384)}`, "TOO_MANY_EXTENSIONS"],
  ])("%s", (_name, text, fault) => expect(faultOf(() => decodeText(text))).toBe(fault));
});
