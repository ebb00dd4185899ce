import { createServer, type Http2ServerRequest, type Http2ServerResponse, type ServerHttp2Stream } from "node:http2";
import type { Readable } from "node:stream";

import {
  duplexOf,
  foreignStreams,
  type Http2Peer,
  type Http2Stream,
  listen,
  OldStream,
  rawHttp2Client,
  rawServer,
  requestFields,
  echoServer,
} from "@trailsum/testkit";
import { request } from "undici";
import { describe, expect, test } from "vitest";

import { echoed, failure, trailerAgent } from "./side-by-side.ts";

const broken = new Error("the disk is gone");

describe.each(foreignStreams)("TrailerAgent sends a body that is a stream of %s", (_name, kind) => {
  const half = (): Readable => {
    const stream = new kind.Readable({ read() {} });
    stream.push("half of it");
    return stream;
  };

  test("to its end, with the trailers, and destroys it", async () => {
    const server = await echoServer();
    const body = new kind.PassThrough();
    body.write("one ");
    body.end("two");
    const trailers = { Size: "7" };
    const got = await echoed(await request(server.url, { dispatcher: trailerAgent(), method: "PUT", body, trailers }));
    expect(got).toMatchObject({ body: "one two", rawTrailers: ["Size", "7"] });
    await expect.poll(() => body.destroyed).toBe(true);
  });

  test.each([
    ["is destroyed", undefined],
    ["fails", broken],
  ])("and never completes the request when it %s half-way", async (_how, error) => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
    });
    const body = half();
    const sent = failure(request(server.origin, { dispatcher: trailerAgent(), method: "PUT", body, trailers: {} }));
    await expect.poll(() => server.connections[0]?.received.toString() ?? "").toContain("half of it");
    body.destroy(error);
    expect(await sent).toBe(error ?? "ERR_STREAM_PREMATURE_CLOSE");
    await expect.poll(() => server.connections[0]!.ended).toBe(true);
    expect(server.connections[0]!.received.toString()).not.toMatch(/\r\n0\r\n/);
  });

  test("and never completes the request when duplexify destroys it", async () => {
    const server = await echoServer();
    const body = duplexOf(null, half());
    body.once("data", () => body.destroy());
    const options = { dispatcher: trailerAgent(), method: "PUT", body: body as unknown as Readable } as const;
    expect(await failure(request(server.url, options))).toBe("ERR_STREAM_PREMATURE_CLOSE");
  });

  test("and destroys it when there is no connection; its late errors do no harm", async () => {
    const body = half();
    expect(await failure(request("http://127.0.0.1:1", { dispatcher: trailerAgent(), method: "PUT", body }))).toBe(
      "ECONNREFUSED",
    );
    expect(body.destroyed).toBe(true);
    body.emit("error", broken);
  });
});

test("TrailerAgent sends a body that is an old stream", async () => {
  const server = await echoServer();
  const body = new OldStream(["one ", "two"]) as unknown as Readable;
  expect(await echoed(await request(server.url, { dispatcher: trailerAgent(), method: "PUT", body }))).toMatchObject({
    body: "one two",
  });
});

describe.each([
  ["the request of the compatibility API", "request"],
  ["the stream", "stream"],
] as const)("TrailerAgent sends %s of node:http2 on", (_what, event) => {
  test.each([
    ["is reset", (_peer: Http2Peer, stream: Http2Stream) => stream.reset(), false],
    ["is reset with NO_ERROR", (_peer: Http2Peer, stream: Http2Stream) => stream.reset(0), false],
    ["loses its connection", (peer: Http2Peer) => peer.connection.reset(), false],
    ["is reset after the response to it", (_peer: Http2Peer, stream: Http2Stream) => stream.reset(), true],
    ["loses its connection after the response to it", (peer: Http2Peer) => peer.connection.reset(), true],
  ] as const)("and never completes the request when it %s", async (_how, cut, answered) => {
    const target = await rawServer(async (connection) => {
      await connection.readHead();
    });
    const failed = Promise.withResolvers<unknown>();
    const server = createServer().on("sessionError", () => {});
    server.on(event, (body: Http2ServerRequest | ServerHttp2Stream, response: unknown) => {
      body.on("error", () => {});
      const options = { dispatcher: trailerAgent(), method: "PUT", body, trailers: {} } as const;
      failed.resolve(failure(request(target.origin, options)));
      if (!answered) return;
      if ("respond" in body) body.respond({ ":status": 200 });
      (body === response || !("respond" in body) ? (response as Http2ServerResponse) : body).end();
    });
    const { port } = await listen(server);
    const peer = await rawHttp2Client(port);
    const stream = await peer.request(requestFields("PUT", "/"));
    await stream.body("half of it");
    await expect.poll(() => target.connections[0]?.received.toString() ?? "").toContain("half of it");
    await cut(peer, stream);
    expect(await failed.promise).not.toBe("no failure");
    await expect.poll(() => target.connections[0]!.ended).toBe(true);
    expect(target.connections[0]!.received.toString()).not.toMatch(/\r\n0\r\n/);
  });
});
