import { errorCodes, type FieldPairs, goawayFrame, type Http2Peer, rawHttp2Server } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { http2Agent, send } from "./exchanging.ts";

const OK: FieldPairs = [[":status", "200"]];

/** How far a response has come when it is cut, and what its handler has received by then. */
const beginnings: readonly (readonly [
  name: string,
  begin: (peer: Http2Peer, id: number) => Promise<void>,
  content: string,
])[] = [
  ["before its head", async () => {}, ""],
  ["after an interim response", (peer, id) => peer.stream(id).headers([[":status", "103"]]), ""],
  ["after its head", (peer, id) => peer.stream(id).headers(OK), ""],
  [
    "in its content",
    async (peer, id) => {
      await peer.stream(id).headers(OK);
      await peer.stream(id).body("some");
    },
    "some",
  ],
  [
    "in its content of known length",
    async (peer, id) => {
      await peer.stream(id).headers([...OK, ["content-length", "10"]]);
      await peer.stream(id).body("some");
    },
    "some",
  ],
];

describe.each(beginnings)("a response that is cut %s", (_name, begin, content) => {
  test.each(Object.entries(errorCodes).filter(([name]) => name !== "REFUSED_STREAM" && name !== "HTTP_1_1_REQUIRED"))(
    "by RST_STREAM(%s) fails its exchange alone",
    async (name, code) => {
      const server = await rawHttp2Server(async (peer) => {
        const cut = await peer.accept();
        const whole = await peer.accept();
        await whole.headers(OK);
        await begin(peer, cut.id);
        await peer.ping();
        await cut.reset(code);
        await whole.body("whole", { endStream: true });
      });
      const agent = http2Agent();
      // No answer without a body: nothing may hide that it is the response that is cut.
      const [cut, whole] = [send(agent, server, { method: "POST" }), send(agent, server)];
      const reported = await cut.ended;
      expect(reported.trailers).toBeUndefined();
      expect(reported.content).toBe(content);
      const violation = /PROTOCOL|FLOW|SIZE|COMPRESSION|STREAM_CLOSED/.test(name);
      const known = { code: violation ? `HPE_HTTP2_${name}` : "UND_ERR_SOCKET", http2ErrorCode: code };
      expect(reported.error).toMatchObject(known);
      expect(await whole.ended).toMatchObject({ content: "whole", trailers: [] });
      expect(server.peers).toHaveLength(1);
    },
  );

  test.each<readonly [string, (peer: Http2Peer) => unknown, object]>([
    ["the end of the connection", (peer) => peer.connection.end(), { code: "UND_ERR_SOCKET" }],
    ["a reset of the connection", (peer) => peer.connection.reset(), { code: "ECONNRESET" }],
    [
      "GOAWAY with an error",
      (peer) => peer.send(goawayFrame(1, errorCodes.INTERNAL_ERROR)),
      { code: "UND_ERR_SOCKET", http2ErrorCode: errorCodes.INTERNAL_ERROR },
    ],
    [
      "GOAWAY and the end of the connection",
      (peer) => {
        void peer.send(goawayFrame(1));
        peer.connection.end();
      },
      { code: "UND_ERR_SOCKET" },
    ],
  ])("by %s fails its exchange", async (_how, cut, expected) => {
    const server = await rawHttp2Server(async (peer) => {
      const { id } = await peer.accept();
      await begin(peer, id);
      await peer.ping();
      cut(peer);
    });
    const reported = await send(http2Agent(), server, { method: "POST" }).ended;
    expect(reported.trailers).toBeUndefined();
    expect(reported.content).toBe(content);
    expect(reported.error).toMatchObject(expected);
    expect(server.peers).toHaveLength(1);
  });
});

test("a response that came whole is handed on, though its reader rests when the connection is lost", async () => {
  const content = Buffer.alloc(300_000, "x");
  for (const cut of [(peer: Http2Peer) => peer.connection.end(), (peer: Http2Peer) => peer.connection.reset()]) {
    const server = await rawHttp2Server(async (peer) => {
      const stream = await peer.accept();
      await stream.headers(OK);
      await stream.body(content);
      await stream.endWithTrailers([["x-t", "1"]]);
      await peer.ping();
      cut(peer);
    });
    const agent = http2Agent();
    const { controller, reported, ended } = send(agent, server, {}, (paused) => paused.pause());
    await expect
      .poll(() => server.connections[0]?.ended === true || server.connections[0]?.socket.destroyed)
      .toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(reported.content).toBe("");
    controller.resume();
    const { content: got, trailers, error } = await ended;
    expect(error).toBeUndefined();
    expect([got.length, trailers]).toEqual([content.length, ["x-t", "1"]]);
  }
});

test("RST_STREAM(NO_ERROR) after a whole response says that no more of the request is wanted, and nothing else", async () => {
  const server = await rawHttp2Server(async (peer) => {
    const stream = await peer.accept();
    await stream.headers(OK);
    await stream.body("enough", { endStream: true });
    await stream.reset(errorCodes.NO_ERROR);
  });
  async function* endless(): AsyncGenerator<string> {
    for (;;) {
      yield "more";
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  const reported = await send(http2Agent(), server, { method: "POST", body: endless() }).ended;
  expect(reported).toMatchObject({ status: 200, content: "enough", trailers: [] });
});
