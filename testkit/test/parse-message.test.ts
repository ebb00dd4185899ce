import { expect, test } from "vitest";
import { fieldValues, parseMessage } from "../src/index.ts";

const wire = (text: string): Buffer => Buffer.from(text, "latin1");

test("a chunked request comes apart into lines, chunks and trailers, in order and as spelled", () => {
  const head = "PUT /a HTTP/1.1\r\nHost: x\r\nTRAILER: Md5\r\ntransfer-encoding: chunked\r\n\r\n";
  const parsed = parseMessage(wire(`${head}3;q=1\r\nabc\r\n2\r\nde\r\n0\r\nMd5: ff\r\nmd5:ee\r\n\r\nGET`));
  expect(parsed).toEqual({
    startLine: "PUT /a HTTP/1.1",
    fieldLines: ["Host: x", "TRAILER: Md5", "transfer-encoding: chunked"],
    chunks: [wire("abc"), wire("de")],
    chunkLines: ["3;q=1", "2", "0"],
    body: wire("abcde"),
    trailerLines: ["Md5: ff", "md5:ee"],
    rest: wire("GET"),
    complete: true,
  });
  expect(fieldValues(parsed.trailerLines, "MD5")).toEqual(["ff", "ee"]);
});

test.each([
  ["HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd", {}, "abc", "d", true],
  ["HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", {}, "ab", "", false],
  ["HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", { head: true }, "", "", true],
  ["HTTP/1.1 200 OK\r\n\r\nto the end", {}, "to the end", "", true],
  ["HTTP/1.1 204 No Content\r\n\r\nnext", {}, "", "next", true],
  ["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200", {}, "", "HTTP/1.1 200", true],
  ["GET / HTTP/1.1\r\nHost: x\r\n\r\nnext", {}, "", "next", true],
  ["GET / HTTP/1.1\r\nHost: x\r\n", {}, "", "", false],
  ["PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", {}, "ab", "", false],
  ["PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", {}, "abc", "", false],
])("the body of %j is found", (text, options, body, rest, complete) => {
  const parsed = parseMessage(wire(text), options);
  expect([parsed.body.toString(), parsed.rest.toString(), parsed.complete]).toEqual([body, rest, complete]);
});

test.each([
  ["GET / HTTP/1.1\nHost: x\n\n", "bare line feed"],
  ["GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", "not a field line"],
  ["PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "bad chunk size"],
  ["PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", "not followed by CRLF"],
  ["PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", "both"],
])("%j is refused", (text, reason) => {
  expect(() => parseMessage(wire(text))).toThrow(reason);
});
