import { rawHttp2Client, requestFields } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { ask, FRONTS, proxyServer, streamServer } from "./peers.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const TE = "GET / HTTP/1.1\r\nHost: a\r\nConnection: TE\r\nTE: trailers\r\n\r\n";

type Fields = readonly (readonly [string, string])[];

/** An HTTP/2 origin that answers with these fields, a content of four bytes and its length, and perhaps trailers. */
const origin = (fields: Fields, trailers: Fields = []): ReturnType<typeof streamServer> =>
  streamServer(async (stream) => {
    const head = (await stream.untilFields()).some(([name, value]) => name === ":method" && value === "HEAD");
    await stream.headers([[":status", "200"], ["content-length", "4"], ...fields], { endStream: head });
    if (head) return;
    await stream.body("body", { endStream: trailers.length === 0 });
    if (trailers.length > 0) await stream.endWithTrailers(trailers);
  });

const framing = (lines: readonly string[]): string[] =>
  lines.filter((line) => /^(content-length|transfer-encoding|trailer):/i.test(line)).map((line) => line.toLowerCase());

describe.each(FRONTS)("a proxy %s, the Content-Length of an HTTP/2 origin", (_front, listening) => {
  const before = async (fields: Fields, trailers: Fields = []): Promise<number> =>
    (await listening({ target: (await origin(fields, trailers)).origin, agent: { useH2c: true } })).port;

  test.each([
    ["no trailers", [], []],
    ["announced trailers", [["trailer", "x-t"]], [["x-t", "1"]]],
    ["trailers that are not announced", [], [["x-t", "1"]]],
  ] as const)("reaches an HTTP/1.1 client that takes no trailers: %s", async (_what, fields, trailers) => {
    const { fieldLines, body, trailerLines } = await ask(await before(fields, trailers), GET);
    expect(framing(fieldLines)).toEqual(["content-length: 4"]);
    expect([body.toString(), trailerLines]).toEqual(["body", []]);
  });

  test("reaches the answer to HEAD", async () => {
    const { fieldLines } = await ask(await before([]), GET.replace("GET", "HEAD"));
    expect(framing(fieldLines)).toEqual(["content-length: 4"]);
  });

  test.each([
    ["announced", [["trailer", "x-t"]], ["trailer: x-t", "transfer-encoding: chunked"]],
    ["not announced", [], ["transfer-encoding: chunked"]],
  ] as const)("gives way to trailers for a client that takes them: %s", async (_what, fields, expected) => {
    const { fieldLines, body, trailerLines } = await ask(await before(fields, [["x-t", "1"]]), TE);
    expect(framing(fieldLines)).toEqual(expected);
    expect([body.toString(), trailerLines]).toEqual(["body", ["x-t: 1"]]);
  });

  test("gives way to the status of a gRPC call", async () => {
    const { trailerLines } = await ask(
      await before([["content-type", "application/grpc"]], [["grpc-status", "0"]]),
      GET,
    );
    expect(trailerLines).toEqual(["grpc-status: 0"]);
  });
});

test("where no trailers are forwarded, the Content-Length stays for a client that takes them", async () => {
  const { port } = await proxyServer({
    target: (await origin([["trailer", "x-t"]], [["x-t", "1"]])).origin,
    agent: { useH2c: true },
    responseTrailers: "none",
  });
  expect(framing((await ask(port, TE)).fieldLines)).toEqual(["content-length: 4"]);
});

test("over HTTP/2 on both sides, length and trailers both pass", async () => {
  const { port } = await proxyServer({ target: (await origin([], [["x-t", "1"]])).origin, agent: { useH2c: true } });
  const client = await rawHttp2Client(port);
  const stream = await client.request(requestFields("GET", "/"), { endStream: true });
  await stream.untilEnd();
  expect(stream.fields).toContainEqual(["content-length", "4"]);
  expect(stream.trailers).toEqual([["x-t", "1"]]);
  client.connection.end();
  await client.connection.closed;
});
