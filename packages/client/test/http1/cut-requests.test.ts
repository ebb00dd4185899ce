import { PassThrough, Readable } from "node:stream";

import { fieldValues, rawServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { trailerAgent } from "../agent/side-by-side.ts";
import { record } from "./recording.ts";
import { iterable, send } from "./wire.ts";

describe("the server never reads the end of a request whose trailers fail:", () => {
  test.each([
    ["a name that may be no trailer", { "Content-Length": "1" }],
    ["a name for authentication", { Authorization: "x" }],
    ["a conditional name", { "If-Match": "*" }],
    ["a line break in a value", { A: "b\r\nC: d" }],
    ["a line break at the end of a value", { A: "b\r\n" }],
    ["a bare LF in a value", { A: "b\nc" }],
    ["a NUL in a value", { A: "\0" }],
    ["a character beyond one octet", { A: "\u0142" }],
    ["a line break in a name", { "A\r\nB": "c" }],
    ["an empty name", { "": "c" }],
    ["a list of uneven length", ["A"]],
  ])("%s", async (_name, trailers) => {
    const { message, recording } = await send({
      method: "PUT",
      body: iterable("hello"),
      trailers: () => trailers as string[],
    });
    expect(recording).toMatchObject({ status: undefined, trailers: undefined, ends: 1 });
    expect(recording.error).toMatchObject({ code: "UND_ERR_INVALID_ARG" });
    expect(message.complete).toBe(false);
    expect(message.chunkLines).not.toContain("0");
    expect(message.trailerLines).toEqual([]);
  });

  test.each([
    [
      "the function throws",
      () => {
        throw new Error("no digest");
      },
    ],
    ["the function rejects", () => Promise.reject(new Error("no digest"))],
  ])("%s", async (_name, trailers) => {
    const { message, recording } = await send({ method: "PUT", body: "hello", trailers });
    expect(recording.error).toMatchObject({ message: "no digest" });
    expect(message.complete).toBe(false);
  });
});

describe("the server never reads the end of a request whose body fails:", () => {
  test.each([
    ["a stream is destroyed with an error", () => failing(new Error("disk"))],
    ["a stream is destroyed without an error", () => failing()],
    [
      "a stream errs before it has given anything",
      () =>
        new Readable({
          read() {
            this.destroy(new Error("disk"));
          },
        }),
    ],
    ["an async iterable throws", () => throwing()],
    ["an iterable gives what is not bytes", () => iterable("hello", 5)],
    ["a stream gives what is not bytes", () => Readable.from(["hello", { not: "bytes" }])],
  ])("%s", async (_name, make) => {
    const { message, recording } = await send({ method: "PUT", body: make(), trailers: () => ({ Md5: "x" }) });
    expect(recording).toMatchObject({ error: expect.any(Error), status: undefined, trailers: undefined, ends: 1 });
    expect(message.complete).toBe(false);
    expect(message.chunkLines).not.toContain("0");
  });

  test("an iterable that gives what is not bytes is released", async () => {
    let closed = false;
    const body = (async function* () {
      try {
        yield* iterable(5, "a");
      } finally {
        closed = true;
      }
    })();
    await send({ method: "PUT", body });
    expect(closed).toBe(true);
  });
});

test.each([
  ["an async iterable", () => throwing()],
  ["a stream", () => Readable.from(throwing())],
])("the server never reads all of a request whose source fails right after its last byte: %s", async (_name, make) => {
  const { message, recording } = await send({ method: "PUT", body: make(), headers: { "Content-Length": "5" } });
  expect(recording.error).toBeInstanceOf(Error);
  expect(message.complete).toBe(false);
});

describe("the server never reads the end of a request that is not as long as it says:", () => {
  test.each([
    ["a stream is too short", () => Readable.from(["hell"])],
    ["an iterable is too short", () => iterable("hell")],
    ["a stream ends at once", () => Readable.from([])],
  ])("%s", async (_name, make) => {
    const { message, recording } = await send({ method: "PUT", body: make(), headers: { "Content-Length": "5" } });
    expect(recording.error).toMatchObject({ code: "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH" });
    expect(fieldValues(message.fieldLines, "content-length")).toEqual(["5"]);
    expect(message.complete).toBe(false);
  });

  test.each([
    ["a stream is too long", () => Readable.from(["hell", "o!"])],
    ["an iterable is too long", () => iterable("hell", "o!")],
    ["a stream is too long in one piece", () => Readable.from(["hello!"])],
  ])("%s", async (_name, make) => {
    const { message, recording } = await send({ method: "PUT", body: make(), headers: { "Content-Length": "5" } });
    expect(recording.error).toMatchObject({ code: "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH" });
    expect(message.complete).toBe(false);
  });
});

test("a stream that someone has read already is not sent as an empty body", async () => {
  const body = Readable.from(["hello"]);
  for await (const _ of body) void _;
  const { recording, message } = await send({ method: "PUT", body });
  expect(recording.error).toBeInstanceOf(Error);
  expect(message.complete).toBe(false);
});

test("a stream that was destroyed before is not sent", async () => {
  const { recording, message } = await send({ method: "PUT", body: failing().destroy() });
  expect(recording.error).toBeInstanceOf(Error);
  expect(message.complete).toBe(false);
});

test("a stream that fails at the moment its request is aborted has no other effect", async () => {
  const server = await rawServer((connection) => void connection.socket.resume());
  const body = new PassThrough();
  const { controller, ended } = record(trailerAgent(), server.origin, { method: "PUT", body });
  body.destroy(new Error("disk"));
  const closed = new Promise<void>((resolve) => body.once("close", resolve));
  controller.abort(new Error("enough"));
  expect((await ended).error).toMatchObject({ message: "enough" });
  // An error that no one listens for would fail the run.
  await closed;
});

/** Gives a piece, and is destroyed once that is read. */
function failing(error?: Error): Readable {
  const stream = new PassThrough();
  stream.once("data", () => setImmediate(() => stream.destroy(error)));
  stream.pause();
  stream.write("hello");
  return stream;
}

async function* throwing(): AsyncGenerator<string> {
  yield* iterable("hello") as AsyncGenerator<string>;
  throw new Error("disk");
}
