import { describe, expect, test } from "vitest";

import { RequestFault } from "../../src/http1/request-fault.ts";
import { LIMITS, readByUs } from "./reading.ts";

/** A head that asks for a POST of /, with these lines, and what follows it. */
function post(lines: string, rest = ""): string {
  return `POST / HTTP/1.1\r\nHost: a\r\n${lines}\r\n${rest}`;
}

function chunked(rest: string): string {
  return post("Transfer-Encoding: chunked\r\n", rest);
}

/** The status that `text` is refused with, in one piece and in small ones, once it is clear that nothing was completed. */
function refusal(text: string): number | undefined {
  const bytes = Buffer.from(text, "latin1");
  const size = bytes.length > 1_000 ? 97 : 1;
  const small = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
    bytes.subarray(at * size).subarray(0, size),
  );
  const statuses = [[bytes], small].map((pieces) => {
    const { requests, error } = readByUs(pieces);
    expect(requests.every(({ trailers }) => trailers === undefined)).toBe(true);
    expect(error).toBeInstanceOf(RequestFault);
    return error?.status;
  });
  expect(statuses[1]).toBe(statuses[0]);
  return statuses[0];
}

describe("an invalid request line", () => {
  test.each([
    ["no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["no version", "GET /\r\nHost: a\r\n\r\n"],
    ["an empty version", "GET / \r\nHost: a\r\n\r\n"],
    ["a version in lower case", "GET / http/1.1\r\nHost: a\r\n\r\n"],
    ["a version with a letter", "GET / HTTP/1.x\r\nHost: a\r\n\r\n"],
    ["a version with two digits", "GET / HTTP/1.10\r\nHost: a\r\n\r\n"],
    ["a version without a dot", "GET / HTTP/11\r\nHost: a\r\n\r\n"],
    ["another protocol's version", "GET / RTSP/1.0\r\nHost: a\r\n\r\n"],
    ["a space after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"],
    ["a space ahead of the method", " GET / HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["two spaces after the method", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["two spaces after the target", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a tab in place of a space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a method that is not a token", "GE/T / HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a method beyond ASCII", "G\u00cbT / HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a tab in the target", "GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a control character in the target", "GET /a\u0001b HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a DEL in the target", "GET /a\u007fb HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["octets beyond ASCII in the target", "GET /caf\u00c3\u00a9 HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a target without a slash", "GET a HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["an asterisk for a GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["more than an asterisk", "OPTIONS *a HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["an absolute target without a host", "GET http:///b HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["an absolute target with user information", "GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["an absolute target with an invalid port", "GET http://a:b/ HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["an absolute target of another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["an authority for a GET", "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a path for a CONNECT", "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["an authority without a port for a CONNECT", "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a CONNECT to a URI", "CONNECT http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a bare LF after it", "GET / HTTP/1.1\nHost: a\r\n\r\n"],
    ["a bare CR after it", "GET / HTTP/1.1\rHost: a\r\n\r\n"],
    ["a bare LF ahead of it", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a bare CR ahead of it", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["five empty lines ahead of it", `${"\r\n".repeat(5)}GET / HTTP/1.1\r\nHost: a\r\n\r\n`],
  ])("%s", (_name, text) => expect(refusal(text)).toBe(400));
});

test.each(["0.9", "1.2", "2.0", "3.0"])("the version is %s", (version) =>
  expect(refusal(`GET / HTTP/${version}\r\nHost: a\r\n\r\n`)).toBe(505),
);

describe("another protocol is spoken, and its end is not waited for", () => {
  test.each([
    ["TLS", "\u0016\u0003\u0001\u0002\u0000\u0001"],
    ["SSH", "SSH-2.0-OpenSSH_9.2\r\n"],
    ["the PROXY protocol", "\r\n\r\n\0\r\nQUIT\n"],
  ])("%s", (_name, text) => {
    const { error } = readByUs([Buffer.from(text, "latin1")]);
    expect(error).toMatchObject({ name: "RequestFault", status: 400 });
    expect(error?.message).not.toContain("aborted");
  });
});

describe("an invalid field line", () => {
  test.each([
    ["no colon", "X-Bad\r\n"],
    ["no name", ": 1\r\n"],
    ["a space before the colon", "X-Bad : 1\r\n"],
    ["a tab before the colon", "X-Bad\t: 1\r\n"],
    ["a space in the name", "X Bad: 1\r\n"],
    ["a name beyond ASCII", "X-B\u00e4d: 1\r\n"],
    ["a name with parentheses", "X(Bad): 1\r\n"],
    ["a folded line", "X-Fold: a\r\n b\r\n"],
    ["a line folded with a tab", "X-Fold: a\r\n\tb\r\n"],
    ["a NUL in a value", "X-Bad: a\0b\r\n"],
    ["a vertical tab in a value", "X-Bad: a\u000bb\r\n"],
    ["a DEL in a value", "X-Bad: a\u007fb\r\n"],
    ["a bare CR in a value", "X-Bad: a\rX-Other: b\r\n"],
    ["a bare CR at the end of a value", "X-Bad: a\r\r\n"],
    ["a bare LF after a value", "X-A: 1\nX-B: 2\r\n"],
  ])("%s", (_name, lines) => {
    expect(refusal(post(lines))).toBe(400);
    expect(refusal(chunked(`0\r\n${lines}\r\n`))).toBe(400);
  });

  test("whitespace ahead of the first one", () =>
    expect(refusal("GET / HTTP/1.1\r\n X: 1\r\nHost: a\r\n\r\n")).toBe(400));

  test("a whole head with bare LF, whose end is not waited for", () =>
    expect(readByUs([Buffer.from("GET / HTTP/1.1\nHost: a\n\n")]).error?.message).toContain("CRLF"));
});

describe("where the content ends can be read in two ways", () => {
  test.each([
    ["an empty length", "Content-Length:\r\n"],
    ["a length with a sign", "Content-Length: +3\r\n"],
    ["a negative length", "Content-Length: -1\r\n"],
    ["a length in hexadecimal", "Content-Length: 0x3\r\n"],
    ["a length with a fraction", "Content-Length: 3.0\r\n"],
    ["a length with an exponent", "Content-Length: 3e0\r\n"],
    ["a length with a space", "Content-Length: 3 3\r\n"],
    ["a length that cannot be counted", "Content-Length: 9007199254740992\r\n"],
    ["a length of 17 digits", "Content-Length: 00000000000000003\r\n"],
    ["a list of lengths", "Content-Length: 3, 3\r\n"],
    ["two lengths", "Content-Length: 3\r\nContent-Length: 5\r\n"],
    ["the same length twice", "Content-Length: 3\r\ncontent-length: 3\r\n"],
    ["a length and a transfer coding", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"],
    ["a transfer coding and a length", "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"],
    ["two transfer codings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"],
    ["chunked twice in one line", "Transfer-Encoding: chunked, chunked\r\n"],
    ["chunked that is not the last", "Transfer-Encoding: chunked, gzip\r\n"],
    ["a coding that is not chunked", "Transfer-Encoding: gzip\r\n"],
    ["no transfer coding", "Transfer-Encoding:\r\n"],
    ["a transfer coding with a vertical tab", "Transfer-Encoding: \u000bchunked\r\n"],
    ["a transfer coding with a tab after it", "Transfer-Encoding: chunked\t\r\n"],
    ["chunked with a parameter", "Transfer-Encoding: chunked;a=b\r\n"],
    ["chunked in quotes", 'Transfer-Encoding: "chunked"\r\n'],
  ])("%s", (_name, lines) => expect(refusal(post(lines, "0\r\n\r\n"))).toBe(400));

  test("a transfer coding from HTTP/1.0", () =>
    expect(refusal("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")).toBe(400));

  test.each(["Content-Length", "transfer-encoding"])("%s in the trailer section", (name) =>
    expect(refusal(chunked(`0\r\n${name}: 3\r\n\r\n`))).toBe(400),
  );
});

test("there is another transfer coding under chunked", () =>
  expect(refusal(post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"))).toBe(501));

describe("chunks can be read in two ways", () => {
  test.each([
    ["a prefix", "0x3\r\nabc\r\n0\r\n\r\n"],
    ["a sign", "+3\r\nabc\r\n0\r\n\r\n"],
    ["a space after a size", "3 \r\nabc\r\n0\r\n\r\n"],
    ["no size", "\r\nabc\r\n0\r\n\r\n"],
    ["a size of 2^64", "10000000000000000\r\nabc\r\n0\r\n\r\n"],
    ["a bare LF after a size", "3\nabc\r\n0\r\n\r\n"],
    ["a bare LF in an extension", "3;a\n\r\nabc\r\n0\r\n\r\n"],
    ["a bare CR in an extension", "3;a\rb\r\nabc\r\n0\r\n\r\n"],
    ["data longer than its size", "3\r\nabcdef\r\n0\r\n\r\n"],
    ["a bare LF after data", "3\r\nabc\n0\r\n\r\n"],
    ["a bare LF after the last one", "3\r\nabc\r\n0\n\n"],
    ["a bare CR after the last one", "3\r\nabc\r\n0\r\n\r\r"],
  ])("%s", (_name, rest) => expect(refusal(chunked(rest))).toBe(400));
});

test("HTTP/1.1 is spoken without a Host", () => expect(refusal("GET / HTTP/1.1\r\nX-Host: a\r\n\r\n")).toBe(400));

describe("the expectation is unknown", () => {
  test.each(["200-ok", "100-continue, other", ""])("%j", (value) =>
    expect(refusal(post(`Expect: ${value}\r\n`))).toBe(417),
  );
});

describe("there is too much", () => {
  const { maxHeaderSize, maxFields, maxTrailerSize } = LIMITS;

  test.each([
    ["of a request line", `GET /${"a".repeat(maxHeaderSize)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
    ["of a request line that does not end", `GET /${"a".repeat(maxHeaderSize)}`, 414],
    ["of a method", "A".repeat(maxHeaderSize + 1), 414],
    ["of a field", post(`X-Big: ${"a".repeat(maxHeaderSize)}\r\n`), 431],
    ["of a field that does not end", `GET / HTTP/1.1\r\nX-Big: ${"a".repeat(maxHeaderSize)}`, 431],
    ["of fields", post("a:\r\n".repeat(maxFields)), 431],
    ["of a trailer", chunked(`0\r\nX-Big: ${"a".repeat(maxTrailerSize)}\r\n\r\n`), 431],
    ["of trailers", chunked(`0\r\n${"a:\r\n".repeat(maxFields + 1)}\r\n`), 431],
    ["of chunk extensions", chunked(`1;a=${"b".repeat(16_384)}\r\nx\r\n0\r\n\r\n`), 413],
    ["of chunk extensions in all", chunked(`${`1;a=${"b".repeat(96)}\r\nx\r\n`.repeat(200)}0\r\n\r\n`), 413],
  ] as const)("%s", (_name, text, status) => expect(refusal(text)).toBe(status));
});

describe("the connection ends within a request", () => {
  const whole = chunked("3;a=b\r\nabc\r\n0\r\nX: 1\r\n\r\n");

  test("after any of its bytes but the last", () => {
    for (let at = 1; at < whole.length; at += 1) expect(refusal(whole.slice(0, at))).toBe(400);
  });

  test("before as much content as its length says", () =>
    expect(refusal(post("Content-Length: 3\r\n", "ab"))).toBe(400));
});
