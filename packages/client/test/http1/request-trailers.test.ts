import { Readable } from "node:stream";

import { fieldValues } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { iterable, send } from "./wire.ts";

const BODIES: readonly (readonly [name: string, make: () => unknown, content: string])[] = [
  ["null", () => null, ""],
  ["an empty string", () => "", ""],
  ["a string", () => "hello", "hello"],
  ["a Buffer", () => Buffer.from("hello"), "hello"],
  ["a Buffer of several megabytes", () => Buffer.alloc(2_500_000, "h"), "h".repeat(2_500_000)],
  ["a Blob", () => new Blob(["hello"]), "hello"],
  ["a stream", () => Readable.from(["he", "llo"]), "hello"],
  ["an empty stream", () => Readable.from([]), ""],
  ["an async iterable", () => iterable("hello"), "hello"],
  ["an empty iterable", () => iterable(), ""],
];

describe.each(BODIES)("the server reads trailers after the body %s", (_name, body, content) => {
  test.each([
    ["given", { "X-Md5": "abc", Size: "5" }],
    ["from a function", () => ({ "X-Md5": "abc", Size: "5" })],
    ["from an async function", () => Promise.resolve(["X-Md5", "abc", "Size", "5"])],
    [
      "from a function that takes its time",
      () =>
        new Promise((resolve) =>
          setImmediate(resolve, [
            ["X-Md5", "abc"],
            ["Size", "5"],
          ]),
        ),
    ],
  ])("%s", async (_kind, trailers) => {
    const { message, recording } = await send({
      method: "PUT",
      body: body(),
      trailers: trailers as Record<string, string>,
    });
    expect(recording).toMatchObject({ error: undefined, status: 200 });
    expect(fieldValues(message.fieldLines, "content-length")).toEqual([]);
    expect(fieldValues(message.fieldLines, "transfer-encoding")).toEqual(["chunked"]);
    expect(message.trailerLines).toEqual(["X-Md5: abc", "Size: 5"]);
    expect(message.body.toString() === content).toBe(true);
    expect(message).toMatchObject({ complete: true, rest: Buffer.alloc(0) });
  });
});

describe("the server learns which trailers will come", () => {
  test("when they are given", async () => {
    const trailers = ["Md5", "a", "X", "1", "X", "2"];
    const { message } = await send({ method: "PUT", body: "a", trailers });
    expect(fieldValues(message.fieldLines, "trailer")).toEqual(["Md5, X"]);
    expect(message.trailerLines).toEqual(["Md5: a", "X: 1", "X: 2"]);
  });

  test("when they are given, and the sender had named others", async () => {
    const { message } = await send({ method: "PUT", body: "a", headers: { trailer: "Size" }, trailers: { Md5: "a" } });
    expect(fieldValues(message.fieldLines, "trailer")).toEqual(["Md5"]);
  });

  test("when they are given as an iterator, which can be read but once", async () => {
    const trailers = new Map([["Md5", "a"]]).entries();
    const { message } = await send({ method: "PUT", body: "a", trailers });
    expect(fieldValues(message.fieldLines, "trailer")).toEqual(["Md5"]);
    expect(message.trailerLines).toEqual(["Md5: a"]);
  });

  test("by the sender, when they come from a function", async () => {
    const { message } = await send({
      method: "PUT",
      body: "a",
      headers: { Trailer: "Md5, Size" },
      trailers: () => ({ Md5: "a" }),
    });
    expect(fieldValues(message.fieldLines, "trailer")).toEqual(["Md5, Size"]);
    expect(message.trailerLines).toEqual(["Md5: a"]);
  });
});

describe("the server gets no announcement of trailers", () => {
  test.each([
    ["when there are none", { method: "PUT", body: "a" }],
    ["when the sender names some and gives none", { method: "PUT", body: "a", headers: { trailer: "Md5" } }],
    [
      "when the sender names some and gives an empty list",
      { method: "PUT", body: "a", headers: { trailer: "Md5" }, trailers: [] },
    ],
    ["when none are given", { method: "PUT", body: "a", trailers: {} }],
    ["in a GET without a body", { method: "GET", headers: { Trailer: "Md5" }, trailers: { Md5: "a" } }],
    [
      "in a GET without a body, from a function",
      { method: "GET", headers: { Trailer: "Md5" }, trailers: () => ({ Md5: "a" }) },
    ],
  ])("%s", async (_name, options) => {
    const { message } = await send(options);
    expect(fieldValues(message.fieldLines, "trailer")).toEqual([]);
    expect(message).toMatchObject({ trailerLines: [], complete: true, rest: Buffer.alloc(0) });
  });
});

test("the server reads empty, repeated and non-ASCII trailers as they were given", async () => {
  const { message } = await send({
    method: "PUT",
    body: "a",
    trailers: () => ["A", "", "b", "\u00e9", "A", "2", "B", " x "],
  });
  expect(message.trailerLines).toEqual(["A: ", "b: \u00e9", "A: 2", "B: x"]);
});
