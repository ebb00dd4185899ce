import { Readable } from "node:stream";

import { errorCodes, type FieldPairs, rawHttp2Server, type RawHttp2Server } from "@trailsum/testkit";
import { expect, test } from "vitest";

import type { TrailersInit } from "../../src/index.ts";
import { answerEach, http2Agent, send } from "./exchanging.ts";

/** A server that answers every request once all of it has come. */
function patientServer(): Promise<RawHttp2Server> {
  return rawHttp2Server((peer) =>
    answerEach(peer, async (stream) => {
      await stream.untilEnd();
      await stream.headers([[":status", "204"]], { endStream: true });
    }),
  );
}

const bodies: readonly (readonly [name: string, make: () => unknown, content: string])[] = [
  ["no body", () => undefined, ""],
  ["an empty string", () => "", ""],
  ["a string", () => "content", "content"],
  ["bytes", () => Buffer.from("content"), "content"],
  ["bytes beyond any window", () => Buffer.alloc(300_000, "x"), "x".repeat(300_000)],
  ["a Blob", () => new Blob(["content"]), "content"],
  ["a Readable", () => Readable.from(["con", Buffer.from("tent")]), "content"],
  ["an empty Readable", () => Readable.from([]), ""],
  ["an async iterable", () => asyncly(["con", "tent"]), "content"],
];

test.each(bodies)("%s is followed by trailers, and its length is not stated", async (_name, make, content) => {
  const server = await patientServer();
  const trailers = ["X-B", "2", "x-a", "1", "X-B", "\xe9"];
  const options = { method: "PUT", body: make(), trailers: () => trailers };
  expect((await send(http2Agent(), server, options).ended).status).toBe(204);
  const stream = server.peers[0]!.stream(1);
  expect(stream.data.toString()).toBe(content);
  expect(stream.fields!.map(([name]) => name)).not.toContain("content-length");
  expect(stream.trailers).toEqual([
    ["x-b", "2"],
    ["x-a", "1"],
    ["x-b", "\xe9"],
  ]);
});

test.each<readonly [string, TrailersInit, FieldPairs, string | undefined]>([
  [
    "an object",
    { "X-A": "1", "X-B": ["2", "3"] },
    [
      ["x-a", "1"],
      ["x-b", "2"],
      ["x-b", "3"],
    ],
    "X-A, X-B",
  ],
  ["pairs", [["X-A", "1"]], [["x-a", "1"]], "X-A"],
  ["a function", () => ({ "X-A": "1" }), [["x-a", "1"]], undefined],
  ["an async function", async () => Promise.resolve({ "X-A": "1" }), [["x-a", "1"]], undefined],
  [
    "names that mean something to JavaScript",
    ["__proto__", "1", "toString", "2"],
    [
      ["__proto__", "1"],
      ["tostring", "2"],
    ],
    "__proto__, toString",
  ],
])("trailers may be given as %s", async (_name, trailers, expected, announced) => {
  const server = await patientServer();
  await send(http2Agent(), server, { method: "POST", body: "x", trailers }).ended;
  const { fields, trailers: got } = server.peers[0]!.stream(1);
  expect(got).toEqual(expected);
  expect(fields!.find(([name]) => name === "trailer")?.[1]).toBe(announced);
});

test.each<readonly [string, TrailersInit]>([
  ["an empty object", {}],
  ["a function that gives an empty list", () => []],
])("%s for trailers ends the request without any", async (_name, trailers) => {
  const server = await patientServer();
  const { status } = await send(http2Agent(), server, { method: "PUT", body: Readable.from(["x"]), trailers }).ended;
  expect(status).toBe(204);
  expect(server.peers[0]!.stream(1)).toMatchObject({ trailers: undefined, ended: true });
});

const failure = new Error("no trailers");
const withCode = (code: string): unknown => expect.objectContaining({ code });

test.each<readonly [string, TrailersInit, unknown]>([
  [
    "that throws",
    () => {
      throw failure;
    },
    failure,
  ],
  ["that rejects", () => Promise.reject(failure), failure],
  ["that rejects with nothing", () => Promise.reject(), withCode("UND_ERR_ABORTED")],
  ["that names a field that may be no trailer", () => ({ "Content-Length": "1" }), withCode("UND_ERR_INVALID_ARG")],
  ["that names a connection-specific field", () => ({ Connection: "close" }), withCode("UND_ERR_INVALID_ARG")],
  ["that names a pseudo field", () => ({ ":path": "/" }), withCode("UND_ERR_INVALID_ARG")],
  ["that gives a value with a line break", () => ({ a: "b\r\nc: d" }), withCode("UND_ERR_INVALID_ARG")],
])("a function %s resets the stream, and other streams go on", async (_name, trailers, expected) => {
  const server = await patientServer();
  const agent = http2Agent();
  await send(agent, server).ended;
  const { error } = await send(agent, server, { method: "PUT", body: "content", trailers }).ended;
  expect(error).toEqual(expected);
  const stream = server.peers[0]!.stream(3);
  expect(await stream.untilReset()).toBe(errorCodes.CANCEL);
  expect(stream.ended).toBe(false);
  expect((await send(agent, server).ended).status).toBe(204);
  expect(server.peers).toHaveLength(1);
});

test("trailers are asked for when the last byte of the body is in transit, and not before", async () => {
  const server = await patientServer();
  const { promise, resolve } = Promise.withResolvers<void>();
  let asked = false;
  async function* slowly(): AsyncGenerator<string> {
    yield "first";
    await promise;
    yield "last";
  }
  const trailers = (): TrailersInit & object => {
    asked = true;
    return { a: "b" };
  };
  const { ended } = send(http2Agent(), server, { method: "PUT", body: slowly(), trailers: trailers as TrailersInit });
  await expect.poll(() => server.peers[0]?.streams.get(1)?.data.toString()).toBe("first");
  expect(asked).toBe(false);
  resolve();
  expect((await ended).status).toBe(204);
  expect(server.peers[0]!.stream(1)).toMatchObject({ trailers: [["a", "b"]] });
});

test.each([
  ["longer", "5", ["123456"]],
  ["longer in its second piece", "5", ["12345", "6"]],
  ["shorter", "5", ["1234"]],
])("a body that is %s than it was said to be resets the stream", async (_name, length, pieces) => {
  const server = await patientServer();
  const headers = { "content-length": length };
  for (const trailers of [undefined, { a: "b" }]) {
    const body = Readable.from(pieces);
    const { error } = await send(http2Agent(), server, { method: "PUT", body, headers, trailers }).ended;
    expect(error).toMatchObject({ code: "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH" });
    const stream = server.peers.at(-1)!.stream(1);
    expect(await stream.untilReset()).toBe(errorCodes.CANCEL);
    expect(stream).toMatchObject({ ended: false, trailers: undefined });
    expect(body.destroyed).toBe(true);
  }
});

async function* asyncly(pieces: readonly string[]): AsyncGenerator<string> {
  for (const piece of pieces) yield await Promise.resolve(piece);
}
