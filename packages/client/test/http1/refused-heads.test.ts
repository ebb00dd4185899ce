import { rawServer } from "@trailsum/testkit";
import { upgrade } from "undici";
import { describe, expect, test } from "vitest";

import { trailerAgent } from "../agent/side-by-side.ts";
import { outcome, refusal } from "./refusal.ts";

/** A head with one more field line or several, and five bytes of content. */
function head(...lines: string[]): string {
  return `HTTP/1.1 200 OK\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\nhello`;
}

const CHUNKS = "5\r\nhello\r\n0\r\n\r\n";

function chunked(...lines: string[]): string {
  return `HTTP/1.1 200 OK\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n${CHUNKS}`;
}

describe("the server's framing can be read in two ways", () => {
  test.each([
    ["Content-Length and Transfer-Encoding", chunked("Content-Length: 15", "Transfer-Encoding: chunked")],
    ["Transfer-Encoding and Content-Length", chunked("Transfer-Encoding: chunked", "Content-Length: 15")],
    ["a Content-Length with a plus sign", head("Content-Length: +5")],
    ["a negative Content-Length", head("Content-Length: -5")],
    ["an empty Content-Length", head("Content-Length:")],
    ["a list of Content-Lengths in one line", head("Content-Length: 5, 5")],
    ["a Content-Length with a space in it", head("Content-Length: 1 5")],
    ["a hexadecimal Content-Length", head("Content-Length: 0x5")],
    ["a Content-Length of 2^63", head("Content-Length: 9223372036854775808")],
    ["a Content-Length of 2^53", head("Content-Length: 9007199254740992")],
  ])("%s", async (_name, bytes) => expect(await outcome(bytes)).toMatchObject(refusal("HPE_INVALID_CONTENT_LENGTH")));

  test.each([
    ["two different Content-Lengths", head("Content-Length: 5", "Content-Length: 6")],
    ["the same Content-Length twice", head("Content-Length: 5", "content-length: 5")],
  ])("%s", async (_name, bytes) =>
    expect(await outcome(bytes)).toMatchObject(refusal("HPE_UNEXPECTED_CONTENT_LENGTH")),
  );

  test.each([
    ["the coding gzip", chunked("Transfer-Encoding: gzip")],
    ["the coding identity", chunked("Transfer-Encoding: identity")],
    ["no coding", chunked("Transfer-Encoding:")],
    ["the codings gzip, chunked", chunked("Transfer-Encoding: gzip, chunked")],
    ["the codings chunked, chunked", chunked("Transfer-Encoding: chunked, chunked")],
    ["the coding chunked with a parameter", chunked("Transfer-Encoding: chunked;q=1")],
    [
      "the coding chunked with an octet after it that some take for a space",
      chunked("Transfer-Encoding: chunked\u00a0"),
    ],
    ["the coding chunked with a tab after it", chunked("Transfer-Encoding: chunked\t")],
    ["two Transfer-Encoding lines", chunked("Transfer-Encoding: chunked", "Transfer-Encoding: chunked")],
    ["gzip and chunked in two lines", chunked("Transfer-Encoding: gzip", "Transfer-Encoding: chunked")],
    ["a transfer coding from HTTP/1.0", chunked("Transfer-Encoding: chunked").replace("/1.1", "/1.0")],
  ])("%s", async (_name, bytes) =>
    expect(await outcome(bytes)).toMatchObject(refusal("HPE_INVALID_TRANSFER_ENCODING")),
  );

  test("Content-Length and Transfer-Encoding in an answer to HEAD", async () =>
    expect(
      await outcome("HTTP/1.1 200 OK\r\nContent-Length: 15\r\nTransfer-Encoding: chunked\r\n\r\n", { method: "HEAD" }),
    ).toMatchObject(refusal("HPE_INVALID_CONTENT_LENGTH")));
});

describe("the server's lines are not where all readers would see them", () => {
  test.each([
    ["the status line ends in a bare LF", "HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\nhello"],
    ["a field line ends in a bare LF", "HTTP/1.1 200 OK\r\nA: b\nContent-Length: 5\r\n\r\nhello"],
    ["the head ends in bare LFs", "HTTP/1.1 200 OK\r\nContent-Length: 5\n\nhello"],
    ["a bare LF is in a value", head("Content-Length: 5", "A: b\nc")],
    ["a bare CR is in a value", head("Content-Length: 5", "A: b\rc")],
    ["a bare CR stands before the line's end", head("Content-Length: 5", "A: b\r")],
    ["a bare CR is in the status line", head("Content-Length: 5").replace("OK", "O\rK")],
    ["a NUL is in a value", head("Content-Length: 5", "A: b\0c")],
    ["a NUL is in a name", head("Content-Length: 5", "A\0: b")],
    ["a NUL is in the status line", head("Content-Length: 5").replace("OK", "O\0K")],
    ["a control character is in a value", head("Content-Length: 5", "A: b\u007f")],
  ])("%s", async (_name, bytes) => expect(await outcome(bytes)).toMatchObject(refusal("HPE_STRICT")));

  test.each([
    ["a line is folded with a space", head("Content-Length: 5", "A: b", " c")],
    ["a line is folded with a tab", head("Content-Length: 5", "A: b", "\tc")],
    ["the first line is folded", head(" A: b", "Content-Length: 5")],
    ["a space stands before the colon", head("Content-Length : 5")],
    ["a tab stands before the colon", head("Content-Length\t: 5")],
    ["a space is in a name", head("Content-Length: 5", "A b: c")],
    ["a name is empty", head("Content-Length: 5", ": b")],
    ["a name has a character that no token has", head("Content-Length: 5", "A\u00e4: b")],
    ["a line has no colon", head("Content-Length: 5", "A")],
  ])("%s", async (_name, bytes) => expect(await outcome(bytes)).toMatchObject(refusal("HPE_INVALID_HEADER_TOKEN")));
});

describe("the server does not answer in HTTP/1", () => {
  test("bytes of a TLS handshake", async () =>
    expect(await outcome("\u0016\u0003\u0001\u0002\u0000\r\n\r\n")).toMatchObject(refusal("HPE_STRICT")));

  test.each([
    ["the name of another protocol", "SSH-2.0-OpenSSH_9.2\r\n\r\n"],
    ["a request", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["HTTP/2 in the status line", "HTTP/2 200\r\n\r\n"],
    ["HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n"],
    ["HTTP/0.9", "<html>\r\n\r\n"],
    ["ICY", "ICY 200 OK\r\n\r\n"],
    ["lower case", "http/1.1 200 OK\r\n\r\n"],
    ["two spaces before the status", "HTTP/1.1  200 OK\r\n\r\n"],
    ["two digits", "HTTP/1.1 20 OK\r\n\r\n"],
    ["four digits", "HTTP/1.1 2000 OK\r\n\r\n"],
    ["a status below 100", "HTTP/1.1 099 OK\r\n\r\n"],
    ["an empty line first", "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"],
    ["empty lines only", "\r\n\r\n"],
  ])("%s", async (_name, bytes) => expect(await outcome(bytes)).toMatchObject(refusal("HPE_INVALID_STATUS")));

  test("an unsolicited 101", async () =>
    expect(
      await outcome("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
    ).toMatchObject(refusal("UND_ERR_SOCKET")));

  test.each([
    ["no Upgrade", ""],
    ["an empty Upgrade", "Upgrade:\r\n"],
  ])("a 101 with %s, where an upgrade was asked for", async (_name, line) => {
    const origin = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n${line}\r\n`);
    });
    const upgraded = upgrade(origin.origin, { dispatcher: trailerAgent(), protocol: "x" });
    await expect(upgraded).rejects.toMatchObject({ code: "HPE_INVALID_HEADER_TOKEN" });
  });

  test("an interim response that closes the connection", async () =>
    expect(
      await outcome(`HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\n${head("Content-Length: 5")}`),
    ).toMatchObject(refusal("HPE_CLOSED_CONNECTION")));
});

describe("the server's head is too large", () => {
  test.each([
    ["one field of 16 KiB", head(`A: ${"a".repeat(16_384)}`)],
    ["a thousand and one fields", head(...Array<string>(1_001).fill("a:"))],
    ["a line without an end", `HTTP/1.1 200 ${"a".repeat(16_384)}`],
  ])("%s", async (_name, bytes) =>
    expect(await outcome(bytes)).toMatchObject({ ...refusal("UND_ERR_HEADERS_OVERFLOW"), status: undefined, body: "" }),
  );
});
