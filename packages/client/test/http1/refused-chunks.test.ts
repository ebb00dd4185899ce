import { describe, expect, test } from "vitest";

import { outcome, refusal } from "./refusal.ts";

function chunks(body: string): string {
  return `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
}

describe("the server's chunk sizes can be read in two ways", () => {
  test.each([
    ["a prefix", "0x5\r\nhello\r\n0\r\n\r\n"],
    ["a plus sign", "+5\r\nhello\r\n0\r\n\r\n"],
    ["a minus sign", "-5\r\nhello\r\n0\r\n\r\n"],
    ["a space before it", " 5\r\nhello\r\n0\r\n\r\n"],
    ["a space after it", "5 \r\nhello\r\n0\r\n\r\n"],
    ["a tab after it", "5\t\r\nhello\r\n0\r\n\r\n"],
    ["a space before an extension", "5 ;a=b\r\nhello\r\n0\r\n\r\n"],
    ["an underscore in it", "0_5\r\nhello\r\n0\r\n\r\n"],
    ["no size at all", "\r\nhello\r\n0\r\n\r\n"],
    ["only an extension", ";a=b\r\nhello\r\n0\r\n\r\n"],
    ["a letter that is not a digit", "g\r\nhello\r\n0\r\n\r\n"],
    ["17 digits", "00000000000000005\r\nhello\r\n0\r\n\r\n"],
    ["2^53", "20000000000000\r\nhello"],
    ["2^64", "10000000000000000\r\nhello"],
    ["a bare LF after it", "5\nhello\r\n0\r\n\r\n"],
    ["a bare CR after it", "5\rhello\r\n0\r\n\r\n"],
    ["a bare LF after the last one", "5\r\nhello\r\n0\n\r\n"],
    ["an extension without a name", "5;\r\nhello\r\n0\r\n\r\n"],
    ["an extension without a value", "5;a=\r\nhello\r\n0\r\n\r\n"],
    ["an extension with a space", "5; a=b\r\nhello\r\n0\r\n\r\n"],
    ["an extension that is not a token", "5;a=b@c\r\nhello\r\n0\r\n\r\n"],
    ["an extension with a bare LF", "5;a=b\nhello\r\n0\r\n\r\n"],
    ["an extension with a NUL", '5;a="\0"\r\nhello\r\n0\r\n\r\n'],
    ["an extension whose quotes do not end", '5;a="b\r\nhello\r\n0\r\n\r\n'],
  ])("%s", async (_name, body) => expect(await outcome(chunks(body))).toMatchObject(refusal("HPE_INVALID_CHUNK_SIZE")));
});

describe("the server's chunks are not as long as they say", () => {
  test.each([
    ["data longer than the size", "4\r\nhello\r\n0\r\n\r\n"],
    ["data with a bare LF after it", "5\r\nhello\n0\r\n\r\n"],
    ["data with a bare CR after it", "5\r\nhello\r0\r\n\r\n"],
    ["data with nothing after it", "5\r\nhello0\r\n\r\n"],
  ])("%s", async (_name, body) => {
    const refused = await outcome(chunks(body));
    expect(refused).toMatchObject(refusal("HPE_STRICT"));
    expect("hello").toContain(refused.body);
  });
});

test("the server's chunk extensions are over 16 KiB in one chunk", async () =>
  expect(await outcome(chunks(`5;a=${"b".repeat(16_384)}\r\nhello\r\n0\r\n\r\n`))).toMatchObject(
    refusal("UND_ERR_HEADERS_OVERFLOW"),
  ));

test("the server's chunk extensions are over 16 KiB in many chunks", async () =>
  expect(await outcome(chunks(`${`1;a=${"b".repeat(96)}\r\nx\r\n`.repeat(200)}0\r\n\r\n`))).toMatchObject(
    refusal("UND_ERR_HEADERS_OVERFLOW"),
  ));

describe("the server's trailer section can be read in two ways", () => {
  test.each([
    ["a line that ends in a bare LF", "A: b\nC: d\r\n\r\n"],
    ["a bare LF at its end", "A: b\r\n\n"],
    ["a bare LF in place of it", "\nx\r\n\r\n"],
    ["a bare CR in a value", "A: b\rc\r\n\r\n"],
    ["a bare CR in place of it", "\rA: b\r\n\r\n"],
    ["a NUL in a value", "A: b\0\r\n\r\n"],
  ])("%s", async (_name, section) =>
    expect(await outcome(chunks(`5\r\nhello\r\n0\r\n${section}`))).toMatchObject(refusal("HPE_STRICT")),
  );

  test.each([
    ["a folded line", "A: b\r\n c\r\n\r\n"],
    ["a space before the colon", "A : b\r\n\r\n"],
    ["an empty name", ": b\r\n\r\n"],
    ["a line without a colon", "A\r\n\r\n"],
    ["a Content-Length", "Content-Length: 5\r\n\r\n"],
    ["a Transfer-Encoding", "A: b\r\ntransfer-encoding: chunked\r\n\r\n"],
  ])("%s", async (_name, section) =>
    expect(await outcome(chunks(`5\r\nhello\r\n0\r\n${section}`))).toMatchObject(refusal("HPE_INVALID_HEADER_TOKEN")),
  );

  test.each([
    ["over 16 KiB in one line", `A: ${"b".repeat(16_384)}\r\n\r\n`],
    ["over 16 KiB in many lines", `${"A: b\r\n".repeat(3_000)}\r\n`],
    ["over 16 KiB and no end", `A: ${"b".repeat(16_384)}`],
    ["a thousand and one lines", `${"a:\r\n".repeat(1_001)}\r\n`],
  ])("%s", async (_name, section) =>
    expect(await outcome(chunks(`5\r\nhello\r\n0\r\n${section}`))).toMatchObject(refusal("UND_ERR_HEADERS_OVERFLOW")),
  );
});
