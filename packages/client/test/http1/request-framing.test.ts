import { Readable } from "node:stream";

import { fieldValues } from "@trailsum/testkit";
import { FormData as UndiciFormData } from "undici";
import { describe, expect, test } from "vitest";

import { iterable, send } from "./wire.ts";

function lines({ fieldLines }: { readonly fieldLines: readonly string[] }): Record<string, string[]> {
  return {
    length: fieldValues(fieldLines, "content-length"),
    coding: fieldValues(fieldLines, "transfer-encoding"),
  };
}

const NONE = { length: [], coding: [] };
const CHUNKED = { length: [], coding: ["chunked"] };

test("the server reads the request line, Host, the given fields in order, and Connection", async () => {
  const { wire } = await send({
    path: "/a/b?c=d",
    headers: ["X-One", "1", "x-two", " 2\t", "X-One", "\u00e9", "Empty", ""],
  });
  expect(wire).toMatch(/^GET \/a\/b\?c=d HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\n/);
  expect(wire.slice(wire.indexOf("X-One"))).toBe(
    "X-One: 1\r\nx-two: 2\r\nX-One: \u00e9\r\nEmpty: \r\nConnection: keep-alive\r\n\r\n",
  );
});

test("the server receives TE in Connection", async () => {
  const { message } = await send({ headers: { te: "trailers" } });
  expect(fieldValues(message.fieldLines, "connection")).toEqual(["keep-alive, TE"]);
});

test.each(["GET", "HEAD", "DELETE", "OPTIONS", "TRACE"])("the server reads no framing field in %s", async (method) => {
  const { message } = await send({ method });
  expect(lines(message)).toEqual(NONE);
  expect(message.rest).toHaveLength(0);
});

test.each([
  ["PUT", null],
  ["POST", null],
  ["PATCH", undefined],
  ["PUT", ""],
  ["PUT", new Uint8Array(0)],
])("the server reads Content-Length: 0 in %s with the body %j", async (method, body) => {
  const { message } = await send({ method, body });
  expect(lines(message)).toEqual({ length: ["0"], coding: [] });
  expect(message).toMatchObject({ complete: true, rest: Buffer.alloc(0) });
});

describe("the server reads a length and the content of", () => {
  test.each([
    ["a string", () => "h\u00e9llo", Buffer.from("h\u00e9llo")],
    ["a Buffer", () => Buffer.from([0, 255, 13, 10])],
    ["a Uint8Array", () => new Uint8Array([1, 2, 3, 4]).subarray(1, 3), Buffer.from([2, 3])],
    ["an ArrayBuffer", () => new Uint8Array([1, 2]).buffer, Buffer.from([1, 2])],
    ["a DataView", () => new DataView(new Uint8Array([1, 2, 3]).buffer, 1), Buffer.from([2, 3])],
    ["a Blob", () => new Blob(["hello ", "blob"]), Buffer.from("hello blob")],
  ])("%s", async (_name, body, content = Buffer.from(body() as Buffer)) => {
    const { message } = await send({ method: "PUT", body: body() });
    expect(lines(message)).toEqual({ length: [String(content.length)], coding: [] });
    expect(message.body).toEqual(content);
    expect(message.rest).toHaveLength(0);
  });

  test("a stream whose length is given", async () => {
    const { message } = await send({
      method: "PUT",
      headers: { "content-length": "5" },
      body: Readable.from(["he", "llo"]),
    });
    expect(lines(message)).toEqual({ length: ["5"], coding: [] });
    expect(String(message.body)).toBe("hello");
  });

  test("a Buffer of several megabytes", async () => {
    const body = Buffer.alloc(3_500_000, "trailsum");
    const { message } = await send({ method: "PUT", body });
    expect(lines(message)).toEqual({ length: ["3500000"], coding: [] });
    expect(message.body.equals(body)).toBe(true);
  });
});

describe("the server reads one chunk for each piece of", () => {
  test.each([
    ["a stream", () => Readable.from([Buffer.from("he"), Buffer.from("llo")]), ["2", "3", "0"]],
    ["a stream of strings", () => Readable.from(["h", "\u00e9"]).setEncoding("utf8"), ["1", "2", "0"]],
    ["an async iterable", () => iterable("a", Buffer.from("b"), new Uint8Array(10)), ["1", "1", "a", "0"]],
    ["an iterable", () => ["abc", new Uint8Array(16)].values(), ["3", "10", "0"]],
    ["a web stream", () => Readable.toWeb(Readable.from([Buffer.from("hello")])), ["5", "0"]],
    ["an empty stream", () => Readable.from([]), ["0"]],
    ["an empty iterable", () => iterable(), ["0"]],
    ["an iterable with empty pieces", () => iterable("", "a", new Uint8Array(0), ""), ["1", "0"]],
    ["a stream that ended before, and was empty", ended, ["0"]],
  ])("%s", async (_name, body, chunkLines) => {
    const { message } = await send({ method: "PUT", body: await body() });
    expect(lines(message)).toEqual(CHUNKED);
    expect(message).toMatchObject({ chunkLines, trailerLines: [], complete: true, rest: Buffer.alloc(0) });
  });

  test("a stream in a GET", async () => {
    const { message } = await send({ body: Readable.from(["a"]) });
    expect(lines(message)).toEqual(CHUNKED);
    expect(String(message.body)).toBe("a");
  });
});

describe("the server reads multipart/form-data from", () => {
  test.each([
    ["a FormData of Node", () => new FormData()],
    ["a FormData of undici", () => new UndiciFormData()],
  ])("%s", async (_name, make) => {
    const form = make();
    form.append("field", "value");
    const { message } = await send({ method: "POST", body: form });
    const [type = ""] = fieldValues(message.fieldLines, "content-type");
    const boundary = /^multipart\/form-data; boundary=(.+)$/.exec(type)?.[1];
    const text = String(message.body);
    expect(text.startsWith(`--${boundary}\r\n`)).toBe(true);
    expect(text).toContain('name="field"\r\n\r\nvalue\r\n');
    expect(text.trimEnd().endsWith(`--${boundary}--`)).toBe(true);
  });
});

async function ended(): Promise<Readable> {
  const stream = Readable.from([]);
  stream.resume();
  await new Promise((resolve) => stream.once("end", resolve));
  return stream;
}
