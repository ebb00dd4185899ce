import { rawServer } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { trailerAgent } from "../agent/side-by-side.ts";
import { content, record } from "./recording.ts";

interface Accepted {
  readonly name: string;
  readonly bytes: string;
  readonly method?: string;
  readonly status?: number;
  readonly reason?: string;
  readonly body?: string;
  readonly trailers?: string[];
  readonly interims?: number[];
  /** The server closes its side after the bytes. */
  readonly ends?: boolean;
}

const HEAD = "HTTP/1.1 200 OK\r\n";
const LENGTH = "Content-Length: 5\r\n";
const CHUNKED = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`;

const accepted: Accepted[] = [
  {
    name: "a reason phrase",
    bytes: `HTTP/1.1 200 All is (very) well\r\n${LENGTH}\r\nhello`,
    reason: "All is (very) well",
  },
  { name: "a reason phrase of other octets", bytes: `HTTP/1.1 200 \u00fc\r\n${LENGTH}\r\nhello`, reason: "\u00fc" },
  { name: "an empty reason phrase", bytes: `HTTP/1.1 200 \r\n${LENGTH}\r\nhello`, reason: "" },
  { name: "no reason phrase", bytes: `HTTP/1.1 200\r\n${LENGTH}\r\nhello`, reason: "" },
  { name: "a status of its own", bytes: `HTTP/1.1 799 X\r\n${LENGTH}\r\nhello`, status: 799, reason: "X" },
  { name: "an empty value", bytes: `${HEAD}A:\r\n${LENGTH}\r\nhello` },
  { name: "whitespace around a value", bytes: `${HEAD}Content-Length: \t5 \t\r\n\r\nhello` },
  { name: "no whitespace before a value", bytes: `${HEAD}Content-Length:5\r\n\r\nhello` },
  { name: "leading zeros in a length", bytes: `${HEAD}Content-Length: 0005\r\n\r\nhello` },
  { name: "lower-case names", bytes: `${HEAD}content-length: 5\r\n\r\nhello` },
  { name: "upper-case names", bytes: `${HEAD}CONTENT-LENGTH: 5\r\n\r\nhello` },
  { name: "a name that no object should have", bytes: `${HEAD}__proto__: a\r\n__proto__: b\r\n${LENGTH}\r\nhello` },
  { name: "octets beyond ASCII in a value", bytes: `${HEAD}A: \u0080\u00ff\r\n${LENGTH}\r\nhello` },
  { name: "a head of nearly 16 KiB", bytes: `${HEAD}A: ${"a".repeat(16_000)}\r\n${LENGTH}\r\nhello` },
  { name: "a thousand field lines", bytes: `${HEAD}${"a:\r\n".repeat(999)}${LENGTH}\r\nhello` },
  { name: "Content-Length: 0", bytes: `${HEAD}Content-Length: 0\r\n\r\n`, body: "" },
  { name: "Transfer-Encoding: Chunked", bytes: `${HEAD}Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n` },
  { name: "no chunk but the last", bytes: `${CHUNKED}0\r\n\r\n`, body: "" },
  { name: "zeros before a chunk size", bytes: `${CHUNKED}0005\r\nhello\r\n000\r\n\r\n` },
  {
    name: "chunk sizes in either case",
    bytes: `${CHUNKED}a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n`,
    body: "01234567890123456789",
  },
  { name: "chunk extensions", bytes: `${CHUNKED}2;a\r\nhe\r\n3;a=b;c="d; \\" e"\r\nllo\r\n0;z=1\r\n\r\n` },
  { name: "chunks of one byte", bytes: `${CHUNKED}${"1\r\nx\r\n".repeat(5_000)}0\r\n\r\n`, body: "x".repeat(5_000) },
  {
    name: "trailers, repeated and empty ones too",
    bytes: `${CHUNKED}5\r\nhello\r\n0\r\nMd5: x\r\nA:\r\nmd5: y\r\nA: b\r\n\r\n`,
    trailers: ["Md5", "x", "A", "", "md5", "y", "A", "b"],
  },
  { name: "content until the end", bytes: `${HEAD}\r\nhello`, ends: true },
  { name: "no content until the end", bytes: `${HEAD}\r\n`, body: "", ends: true },
  { name: "HTTP/1.0 and content until the end", bytes: "HTTP/1.0 200 OK\r\n\r\nhello", ends: true },
  { name: "HTTP/1.0 and a length", bytes: `HTTP/1.0 200 OK\r\n${LENGTH}\r\nhello` },
  { name: "a length and the end", bytes: `${HEAD}${LENGTH}\r\nhello`, ends: true },
  { name: "chunks and the end", bytes: `${CHUNKED}5\r\nhello\r\n0\r\n\r\n`, ends: true },
  { name: "a length in an answer to HEAD", bytes: `${HEAD}${LENGTH}\r\n`, method: "HEAD", body: "" },
  { name: "a coding in an answer to HEAD", bytes: CHUNKED, method: "HEAD", body: "" },
  { name: "no framing in an answer to HEAD", bytes: `${HEAD}\r\n`, method: "HEAD", body: "" },
  { name: "204", bytes: "HTTP/1.1 204 No Content\r\n\r\n", status: 204, reason: "No Content", body: "" },
  { name: "304 with a length", bytes: `HTTP/1.1 304 OK\r\n${LENGTH}\r\n`, status: 304, body: "" },
  {
    name: "interim responses",
    bytes: `HTTP/1.1 102 P\r\n\r\nHTTP/1.1 103 E\r\nLink: </a>\r\n\r\nHTTP/1.1 103 E\r\n\r\n${HEAD}${LENGTH}\r\nhello`,
    interims: [102, 103, 103],
  },
  { name: "an unsolicited 100", bytes: `HTTP/1.1 100 C\r\n\r\n${HEAD}${LENGTH}\r\nhello`, interims: [100] },
];

test.each(accepted)("the server answers with $name", async (row) => {
  const server = await rawServer(async (connection) => {
    await connection.readHead();
    if (row.ends === true) connection.end(row.bytes);
    else await connection.write(row.bytes);
  });
  const heard = await record(trailerAgent(), server.origin, { method: row.method ?? "GET" }).ended;
  expect({ ...heard, body: content(heard) }).toMatchObject({
    error: undefined,
    interims: row.interims ?? [],
    status: row.status ?? 200,
    reason: row.reason ?? "OK",
    body: row.body ?? "hello",
    trailers: row.trailers ?? [],
    ends: 1,
  });
});
