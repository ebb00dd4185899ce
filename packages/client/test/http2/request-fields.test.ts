import { FieldLines } from "@trailsum/shared";
import { type FieldPairs, rawHttp2Server } from "@trailsum/testkit";
import { expect, test } from "vitest";

import type { TrailerDispatchOptions } from "../../src/index.ts";
import { answerEach, http2Agent, send } from "./exchanging.ts";

/** The header section that a request has on the wire, and whether nothing follows it. */
async function sent(options: Partial<TrailerDispatchOptions>): Promise<{ fields: FieldPairs; authority: string }> {
  const server = await rawHttp2Server(async (peer) => {
    const stream = await peer.accept();
    await stream.headers([[":status", "204"]], { endStream: true });
  });
  const { ended } = send(http2Agent(), server, options);
  expect((await ended).status).toBe(204);
  return { fields: server.peers[0]!.stream(1).fields!, authority: new URL(server.origin).host };
}

test("a request has its pseudo fields first, and its own in the order and number in which they were given", async () => {
  const headers = ["X-One", "1", "accept", "*/*", "X-Two", "a", "x-one", "2"];
  const { fields, authority } = await sent({ path: "/some/path?query=1", headers });
  expect(fields).toEqual([
    [":method", "GET"],
    [":scheme", "http"],
    [":authority", authority],
    [":path", "/some/path?query=1"],
    ["x-one", "1"],
    ["accept", "*/*"],
    ["x-two", "a"],
    ["x-one", "2"],
  ]);
});

// Older ones refuse it, whatever is asked of them.
test.skipIf(Number.parseInt(process.versions.node, 10) < 24)("a field may come as often as it was given", async () => {
  const headers = [
    ["Content-Type", "a/b"],
    ["Content-Type", "c/d"],
  ];
  expect((await sent({ headers })).fields.slice(4)).toEqual([
    ["content-type", "a/b"],
    ["content-type", "c/d"],
  ]);
});

test("Host becomes :authority", async () => {
  const { fields } = await sent({ headers: { Host: "example.org:1234" } });
  expect(fields).toEqual([
    [":method", "GET"],
    [":scheme", "http"],
    [":authority", "example.org:1234"],
    [":path", "/"],
  ]);
});

test("a target in absolute form is taken apart, as a request to a proxy of HTTP/2 is", async () => {
  const { fields } = await sent({ path: "https://example.org/there?x" });
  expect(fields).toEqual([
    [":method", "GET"],
    [":scheme", "https"],
    [":authority", "example.org"],
    [":path", "/there?x"],
  ]);
});

test("OPTIONS of a whole server has an asterisk for a path", async () => {
  expect((await sent({ method: "OPTIONS", path: "*" })).fields).toContainEqual([":path", "*"]);
});

test("fields of one connection are not sent, and of TE only trailers is", async () => {
  const headers = {
    Connection: "close, x-kept",
    "Transfer-Encoding": "chunked",
    "Proxy-Connection": "keep-alive",
    "HTTP2-Settings": "AAMAAABkAAQAAP__",
    TE: "gzip, Trailers;q=1, trailers",
    "x-kept": "1",
  };
  expect((await sent({ headers })).fields.slice(4)).toEqual([
    ["x-kept", "1"],
    ["te", "trailers"],
  ]);
  expect((await sent({ headers: { te: "gzip, trailers;q=0.5" } })).fields.slice(4)).toEqual([]);
});

test("octets beyond ASCII and names that mean something to JavaScript are fields like any other", async () => {
  const headers = FieldLines.fromRaw(["x-latin", "\xe9\xff", "__proto__", "a", "constructor", "b"]);
  expect((await sent({ headers })).fields.slice(4)).toEqual([
    ["x-latin", "\xe9\xff"],
    ["__proto__", "a"],
    ["constructor", "b"],
  ]);
});

test.each([
  ["GET", undefined, undefined],
  ["DELETE", undefined, undefined],
  ["POST", undefined, "0"],
  ["PUT", "", "0"],
  ["GET", "", undefined],
  ["POST", "12345", "5"],
  ["GET", "12345", "5"],
  ["PATCH", new Blob(["1234567"]), "7"],
] as const)("a %s with a body of %o states the length %s", async (method, body, length) => {
  const { fields } = await sent({ method, body });
  expect(fields.find(([name]) => name === "content-length")?.[1]).toBe(length);
});

test("fields may be large, and those too large for HTTP/2 are refused before anything is sent", async () => {
  const headers = Object.fromEntries(Array.from({ length: 10 }, (_, at) => [`x-${at}`, "v".repeat(60_000)]));
  expect((await sent({ headers })).fields.slice(4)).toEqual(Object.entries(headers));
  const server = await rawHttp2Server((peer) =>
    answerEach(peer, (stream) => stream.headers([[":status", "204"]], { endStream: true })),
  );
  const agent = http2Agent();
  await send(agent, server).ended;
  const large = { "x-large": "v".repeat(65_536) };
  for (const options of [{ headers: large }, { method: "PUT", body: "x", trailers: large } as const]) {
    expect((await send(agent, server, options).ended).error).toMatchObject({ code: "UND_ERR_INVALID_ARG" });
  }
  expect((await send(agent, server).ended).status).toBe(204);
  expect(server.peers).toHaveLength(1);
});

test("a field that may not be sent at all is refused before anything is sent", async () => {
  const server = await rawHttp2Server(() => {});
  const agent = http2Agent();
  for (const headers of [{ "bad name": "x" }, { name: "a\nb" }, { "keep-alive": "timeout=5" }, { ":path": "/" }]) {
    const { error } = await send(agent, server, { headers }).ended;
    expect(error).toMatchObject({ code: "UND_ERR_INVALID_ARG" });
  }
  expect(server.peers).toEqual([]);
});
