import { createHash } from "node:crypto";

import { rawClient } from "@trailsum/testkit";
import { expect, onTestFinished, test } from "vitest";

import { chunked, readResponse } from "../peer.ts";
import { s3Server } from "./peer.ts";
import { type RequestToSign, signedRequest } from "@trailsum/testkit/s3";

const hello = "hello world";
const CRC32 = "DUoRhQ==";
const UNSIGNED = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
const TRAILER = `x-amz-checksum-crc32:${CRC32}\r\n`;
const base64 = (algorithm: string): string => createHash(algorithm).update(hello).digest("base64");

async function serve() {
  const server = await s3Server();
  await server.store.makeDirectory("bucket");
  return server;
}

/** Sends a request, and returns the status, the error code, and what is stored after it. */
async function send(head: Buffer, content: Buffer | string, options: { method?: string } = {}) {
  const { store, port } = await serve();
  const connection = await rawClient(port);
  onTestFinished(() => connection.destroy());
  await connection.write(Buffer.concat([head, Buffer.from(content)]));
  const answer = await readResponse(connection, { head: options.method === "HEAD" });
  const stored = await store.open("bucket/key");
  await stored?.close();
  const text = answer.body.toString();
  return {
    status: Number(answer.startLine.split(" ")[1]),
    code: /<Code>(.*?)<\/Code>/.exec(text)?.[1],
    message: /<Message>(.*?)<\/Message>/.exec(text)?.[1],
    stored: stored !== undefined,
    answer,
  };
}

/** An upload that is framed as aws-chunked with an unsigned trailer. */
function streamed(body: string, fields: Record<string, string | undefined> = {}, size = hello.length) {
  const all = {
    "content-encoding": "aws-chunked",
    "x-amz-decoded-content-length": String(size),
    "x-amz-trailer": "x-amz-checksum-crc32",
    ...fields,
  };
  const given = Object.fromEntries(
    Object.entries(all).filter((field): field is [string, string] => field[1] !== undefined),
  );
  const { bytes } = signedRequest({
    path: "/bucket/key",
    payload: UNSIGNED,
    fields: given,
    unsigned: [`Content-Length: ${Buffer.byteLength(body)}`],
  });
  return send(bytes, body);
}

/** An upload in one piece. */
function plain(fields: Record<string, string>, options: Partial<RequestToSign> = {}) {
  const { bytes } = signedRequest({
    path: "/bucket/key",
    fields,
    unsigned: [`Content-Length: ${hello.length}`],
    ...options,
  });
  return send(bytes, hello);
}

const right = `b\r\n${hello}\r\n0\r\n${TRAILER}\r\n`;

test.each([
  ["as botocore sends it", right],
  ["in any split", `6\r\nhello \r\n5\r\nworld\r\n0\r\n${TRAILER}\r\n`],
  ["with an empty line before the trailer", `b\r\n${hello}\r\n0\r\n\r\n${TRAILER}\r\n`],
])("an unsigned trailer is verified %s", async (_, body) => {
  const { status, stored, answer } = await streamed(body);
  expect([status, stored]).toEqual([200, true]);
  const head = answer.fieldLines.join("\n");
  expect(head).toMatch(/x-amz-checksum-crc32: DUoRhQ==/i);
  expect(head).toMatch(/x-amz-checksum-type: FULL_OBJECT/i);
});

test("content without any checksum within aws-chunked is refused", async () => {
  const answer = await streamed(`b\r\n${hello}\r\n0\r\n\r\n`, { "x-amz-trailer": undefined });
  expect(answer).toMatchObject({ status: 400, code: "InvalidRequest", stored: false });
});

test.each<[string, string, Record<string, string | undefined>, number, string]>([
  ["another checksum", right.replace("DUo", "EUo"), {}, 400, "BadDigest"],
  ["another byte", right.replace("hello", "hellp"), {}, 400, "BadDigest"],
  ["a value that is no base64", right.replace(CRC32, "!!!!"), {}, 400, "InvalidRequest"],
  ["a value of a wrong length", right.replace(CRC32, "AAAAAAAA"), {}, 400, "InvalidRequest"],
  ["no trailer that was announced", right.replace(TRAILER, ""), {}, 400, "MalformedTrailerError"],
  ["a trailer that was not announced", right, { "x-amz-trailer": undefined }, 400, "MalformedTrailerError"],
  ["a trailer of another name", right.replace("crc32:", "sha1:"), {}, 400, "MalformedTrailerError"],
  ["a trailer twice", right.replace(TRAILER, TRAILER + TRAILER), {}, 400, "MalformedTrailerError"],
  ["an unknown trailer", right, { "x-amz-trailer": "x-amz-checksum-md4" }, 400, "InvalidRequest"],
  ["a checksum in the header, too", right, { "x-amz-checksum-crc32": CRC32 }, 400, "InvalidRequest"],
  ["another algorithm for the SDK", right, { "x-amz-sdk-checksum-algorithm": "SHA256" }, 400, "InvalidRequest"],
  ["a size that is not hexadecimal", right.replace("b\r\n", "g\r\n"), {}, 400, "IncompleteBody"],
  ["a chunk that is longer than its size", right.replace("b\r\n", "a\r\n"), {}, 400, "IncompleteBody"],
  ["no last chunk", `b\r\n${hello}\r\n`, {}, 400, "IncompleteBody"],
  ["bytes after the end", `${right}x\r\n`, {}, 400, "IncompleteBody"],
  ["fewer bytes than announced", right, { "x-amz-decoded-content-length": "12" }, 400, "IncompleteBody"],
  ["more bytes than announced", right, { "x-amz-decoded-content-length": "10" }, 400, "IncompleteBody"],
  ["no decoded length", right, { "x-amz-decoded-content-length": undefined }, 411, "MissingContentLength"],
  [
    "a decoded length that is not a number",
    right,
    { "x-amz-decoded-content-length": "1e1" },
    411,
    "MissingContentLength",
  ],
])("an unsigned trailer with %s is refused", async (_, body, fields, status, code) => {
  expect(await streamed(body, fields)).toMatchObject({ status, code, stored: false });
});

test("a connection that ends early leaves nothing", async () => {
  const { store, port, logged } = await serve();
  const { bytes } = signedRequest({
    path: "/bucket/key",
    payload: UNSIGNED,
    fields: { "x-amz-decoded-content-length": "11", "x-amz-trailer": "x-amz-checksum-crc32" },
    unsigned: ["Transfer-Encoding: chunked"],
  });
  const connection = await rawClient(port);
  await connection.write(Buffer.concat([bytes, Buffer.from("14\r\nb\r\nhello wor")]));
  connection.reset();
  await expect.poll(() => logged.at(-1)).toMatch(/^aborted: PUT/);
  expect(await store.open("bucket/key")).toBeUndefined();
});

test("signed chunks and a signed trailer are verified, and refused with another signature", async () => {
  for (const [change, expected] of [
    [(text: string) => text, { status: 200, stored: true }],
    [(text: string) => text.replace("hello", "hellp"), { status: 403, code: "SignatureDoesNotMatch", stored: false }],
    [(text: string) => text.replace(/(trailer-signature:.)./, "$1!"), { status: 403, stored: false }],
    [
      (text: string) => text.replace(/x-amz-trailer-signature.*\r\n/, ""),
      { code: "MalformedTrailerError", stored: false },
    ],
  ] as const) {
    const request = {
      path: "/bucket/key",
      payload: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
      fields: { "x-amz-decoded-content-length": "11", "x-amz-trailer": "x-amz-checksum-crc32" },
      unsigned: ["Transfer-Encoding: chunked"],
    };
    const { bytes, chunk, trailer } = signedRequest(request);
    const content = [chunk("hello "), chunk("world"), chunk(""), Buffer.from(TRAILER)];
    const signature = `x-amz-trailer-signature:${trailer(`x-amz-checksum-crc32:${CRC32}\n`)}\r\n\r\n`;
    const body = change(Buffer.concat([...content, Buffer.from(signature)]).toString());
    expect(await send(bytes, chunked([Buffer.from(body)]))).toMatchObject(expected);
  }
});

test("signed chunks without a trailer are verified by their signatures alone", async () => {
  for (const changed of [hello, "hellp world"]) {
    const { bytes, chunk } = signedRequest({
      path: "/bucket/key",
      payload: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
      fields: { "x-amz-decoded-content-length": "11" },
      unsigned: ["Transfer-Encoding: chunked"],
    });
    const body = `${chunk(hello).toString().replace(hello, changed)}${chunk("").toString()}\r\n`;
    const expected = changed === hello ? { status: 200, stored: true } : { status: 403, stored: false };
    expect(await send(bytes, chunked([Buffer.from(body)]))).toMatchObject(expected);
  }
});

test.each<[string, Record<string, string>, Partial<RequestToSign>, number, string]>([
  ["another checksum", { "x-amz-checksum-crc32": "EUoRhQ==" }, {}, 400, "BadDigest"],
  ["a malformed checksum", { "x-amz-checksum-crc32": "EUoRhQ" }, {}, 400, "InvalidRequest"],
  ["a checksum of parts", { "x-amz-checksum-crc32": `${CRC32}-1` }, {}, 400, "InvalidRequest"],
  [
    "two checksums",
    { "x-amz-checksum-crc32": CRC32, "x-amz-checksum-sha1": base64("sha1") },
    {},
    400,
    "InvalidRequest",
  ],
  ["an unknown checksum", { "x-amz-checksum-md4": "AAAA" }, {}, 400, "InvalidRequest"],
  ["another Content-MD5", { "content-md5": "AAAAAAAAAAAAAAAAAAAAAA==" }, {}, 400, "BadDigest"],
  ["an invalid Content-MD5", { "content-md5": "AAAA" }, {}, 400, "InvalidDigest"],
  ["another sha-256", {}, { payload: "0".repeat(64) }, 400, "XAmzContentSHA256Mismatch"],
  ["nothing to verify it by", {}, {}, 400, "InvalidRequest"],
  ["a signature by ECDSA", {}, { payload: "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD" }, 501, "NotImplemented"],
  ["an unknown sha-256", {}, { payload: "nothing" }, 400, "InvalidArgument"],
  ["framing that its signature does not name", { "content-encoding": "aws-chunked" }, {}, 400, "InvalidRequest"],
  ["a wrong secret", {}, { secret: "wrong" }, 403, "SignatureDoesNotMatch"],
  ["an old date", {}, { time: new Date(Date.now() - 20 * 60_000) }, 403, "RequestTimeTooSkewed"],
  ["a field that is not supported", { "x-amz-server-side-encryption": "AES256" }, {}, 501, "NotImplemented"],
  ["a query that is not supported", {}, { query: "tagging=" }, 501, "NotImplemented"],
  ["a path that leads out", {}, { path: "/bucket/../key" }, 403, "AccessDenied"],
  ["a hidden name", {}, { path: "/bucket/.key" }, 403, "AccessDenied"],
])("an upload in one piece with %s is refused", async (_, fields, options, status, code) => {
  expect(await plain(fields, options)).toMatchObject({ status, code, stored: false });
});

test.each([
  ["its checksum", { "x-amz-checksum-crc32": CRC32 }, {}],
  ["its Content-MD5", { "content-md5": base64("md5") }, {}],
  ["its signed sha-256", {}, { payload: createHash("sha256").update(hello).digest("hex") }],
  ["its sha-512", { "x-amz-checksum-sha512": base64("sha512") }, { region: "eu-west-1" }],
] as const)("an upload in one piece is stored by %s", async (_, fields, options) => {
  expect(await plain(fields, options)).toMatchObject({ status: 200, stored: true });
});

test("requests without a signature are refused, and may read where that is allowed", async () => {
  const closed = await serve();
  const open = await s3Server({ anonymousRead: true });
  for (const { store } of [closed, open]) {
    await store.makeDirectory("bucket");
    const staged = await store.stage("bucket/key");
    staged.content.end(hello);
    await new Promise((resolve) => staged.content.once("finish", resolve));
    await staged.commit({ size: 11, values: new Map() });
  }
  expect((await fetch(`${closed.url}/bucket/key`)).status).toBe(403);
  expect(await (await fetch(`${open.url}/bucket/key`)).text()).toBe(hello);
  expect((await fetch(`${open.url}/bucket?list-type=2`)).status).toBe(200);
  for (const method of ["PUT", "DELETE"]) expect((await fetch(`${open.url}/bucket/key`, { method })).status).toBe(403);
  expect((await fetch(`${open.url}/bucket/key?response-content-type=text%2Fhtml`)).status).toBe(400);
});
