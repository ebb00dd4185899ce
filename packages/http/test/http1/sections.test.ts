import { describe, expect, test } from "vitest";

import { parseContentLength } from "../../src/http1/content-length.ts";
import { sectionEnd } from "../../src/http1/section-end.ts";
import { readTrailerSection } from "../../src/http1/trailer-section.ts";
import { isChunked } from "../../src/http1/transfer-coding.ts";
import { faultOf } from "./fault.ts";

const LIMITS = { maxTrailerSize: 20, maxFields: 3 };

describe("the end of a section", () => {
  test("is the CRLF ahead of the empty line", () =>
    expect(sectionEnd(Buffer.from("..a: 1\r\nb: 2\r\n\r\n\r\n\r\n"), 2, 100)).toBe(12));

  test("is found when it began in what was searched before", () => {
    const text = "a: 1\r\n\r\n";
    for (let from = 0; from < text.length; from += 1) {
      expect(sectionEnd(Buffer.from(text.slice(0, from)), 0, 100)).toBeUndefined();
      expect(sectionEnd(Buffer.from(text), 0, 100, from)).toBe(4);
    }
  });

  test("is not waited for beyond the limit", () => {
    expect(sectionEnd(Buffer.from("12345\r\n\r\n"), 0, 5)).toBe(5);
    expect(faultOf(() => sectionEnd(Buffer.from("123456\r\n\r\n"), 0, 5))).toBe("TOO_LARGE");
    expect(faultOf(() => sectionEnd(Buffer.from("123456"), 0, 5))).toBe("TOO_LARGE");
  });

  test.each(["\n", "a: 1\n", "a: 1\r\nb: 2\n", "a: 1\r\n\n"])("is not waited for after %j", (text) => {
    expect(faultOf(() => sectionEnd(Buffer.from(text), 0, 100))).toBe("STRICT");
    expect(faultOf(() => sectionEnd(Buffer.from(text), 0, 100, text.length - 1))).toBe("STRICT");
  });
});

describe("a trailer section", () => {
  const read = (text: string): unknown => readTrailerSection(Buffer.from(`..${text}`), 2, LIMITS);

  test.each([
    ["\r\n", [], 2],
    ["\r\nGET /", [], 2],
    ["Md5: 1\r\nSize: 2\r\n\r\nGET /", ["Md5", "1", "Size", "2"], 19],
  ])("%j is reported, with its end", (text, raw, length) => expect(read(text)).toEqual({ raw, end: length + 2 }));

  test.each(["", "\r", "M", "Md5: 1\r", "Md5: 1\r\n", "Md5: 1\r\n\r"])("%j is cut", (text) =>
    expect(read(text)).toBeUndefined(),
  );

  test.each([
    ["\rM", "STRICT"],
    ["Md5: 1\nSize: 2\r\n\r\n", "STRICT"],
    ["Md5 : 1\r\n\r\n", "INVALID_HEADER_TOKEN"],
    ["content-length: 1\r\n\r\n", "INVALID_HEADER_TOKEN"],
    ["a:\r\nb:\r\nc:\r\nd:\r\n\r\n", "TOO_LARGE"],
    ["Md5: 0123456789abcdef", "TOO_LARGE"],
  ])("%j is refused", (text, fault) => expect(faultOf(() => read(text))).toBe(fault));

  test("with a transfer coding is refused", () =>
    expect(
      faultOf(() =>
        readTrailerSection(Buffer.from("Transfer-Encoding: chunked\r\n\r\n"), 0, { ...LIMITS, maxTrailerSize: 99 }),
      ),
    ).toBe("INVALID_HEADER_TOKEN"));
});

describe("a Content-Length", () => {
  test.each([
    ["0", 0],
    ["0012", 12],
    ["9007199254740991", Number.MAX_SAFE_INTEGER],
  ])("of %j is a number of bytes", (value, length) => expect(parseContentLength(value)).toBe(length));

  test.each([
    "",
    "+1",
    "-1",
    "1.0",
    "1e1",
    "0x1",
    "1 1",
    " 1",
    "1, 1",
    "9007199254740992",
    "00000000000000001",
    "\u0661",
  ])("of %j is invalid", (value) => expect(faultOf(() => parseContentLength(value))).toBe("INVALID_CONTENT_LENGTH"));
});

describe("a transfer coding", () => {
  test.each(["chunked", "Chunked", " \tCHUNKED  ", "chunked\r\nX: 1"])("of %j is chunked", (value) =>
    expect(isChunked(`X: 1\r\nTransfer-Encoding:${value}\r\nY: 1`)).toBe(true),
  );

  test.each([
    "",
    "gzip, chunked",
    "chunked, chunked",
    "chunked;a",
    "chunked\t",
    "\u000bchunked",
    "xchunked",
    "chunkedx",
  ])("of %j is not", (value) => expect(isChunked(`X: chunked\r\nTransfer-Encoding: ${value}\r\nY: 1`)).toBe(false));

  test("is not that of another field", () =>
    expect(isChunked("X-Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip")).toBe(false));
});
