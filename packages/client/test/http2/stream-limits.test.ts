import { type FieldPairs, type Http2Stream, rawHttp2Server, settingsAckFrame, settingsFrame } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { answerEach, http2Agent, send } from "./exchanging.ts";

const OK: FieldPairs = [[":status", "200"]];

/** A server that allows so many streams, and holds its answers back until it is released. */
async function holdingServer(allowed: number | undefined): Promise<{
  readonly origin: string;
  readonly peers: Awaited<ReturnType<typeof rawHttp2Server>>["peers"];
  readonly held: Http2Stream[];
  release(count: number): void;
}> {
  const held: Http2Stream[] = [];
  const settings = allowed === undefined ? {} : { MAX_CONCURRENT_STREAMS: allowed };
  const server = await rawHttp2Server(
    (peer) =>
      answerEach(peer, async (stream) => {
        held.push(stream);
      }),
    { settings },
  );
  return {
    origin: server.origin,
    peers: server.peers,
    held,
    release: (count) => {
      for (const stream of held.splice(0, count)) void stream.headers(OK, { endStream: true });
    },
  };
}

test("as many requests as the server allows go over one connection, and more over others", async () => {
  const server = await holdingServer(3);
  const agent = http2Agent();
  const sent = Array.from({ length: 8 }, () => send(agent, server));
  await expect.poll(() => server.held.length).toBe(8);
  expect(server.peers.map(({ streams }) => streams.size)).toEqual([3, 3, 2]);
  server.release(8);
  for (const { ended } of sent) expect((await ended).status).toBe(200);
});

test("where no more connections are allowed they wait, and none is ever beyond the limit", async () => {
  const server = await holdingServer(2);
  const agent = http2Agent({ connections: 1 });
  const sent = Array.from({ length: 7 }, () => send(agent, server));
  for (let done = 0; done < 7; done += 1) {
    await expect.poll(() => server.held.length).toBe(Math.min(2, 7 - done));
    server.release(1);
  }
  for (const { ended } of sent) expect((await ended).status).toBe(200);
  expect(server.peers).toHaveLength(1);
});

test("the agent has a limit of its own, which the server can only lower", async () => {
  for (const allowed of [undefined, 1_000]) {
    const server = await holdingServer(allowed);
    const agent = http2Agent({ maxConcurrentStreams: 4, connections: 1 });
    const sent = Array.from({ length: 6 }, () => send(agent, server));
    await expect.poll(() => server.held.length).toBe(4);
    await server.peers[0]!.ping();
    expect(server.held).toHaveLength(4);
    server.release(4);
    await expect.poll(() => server.held.length).toBe(2);
    server.release(2);
    for (const { ended } of sent) expect((await ended).status).toBe(200);
  }
});

test("before the limit is known, one request goes and the others wait for it", async () => {
  const server = await rawHttp2Server(
    async (peer) => {
      const first = await peer.accept();
      await peer.send(settingsFrame({ MAX_CONCURRENT_STREAMS: 1 }), settingsAckFrame());
      await peer.ping();
      expect(peer.streams.size).toBe(1);
      await first.headers(OK, { endStream: true });
      await (await peer.accept()).headers(OK, { endStream: true });
    },
    { handshake: false, acknowledge: false },
  );
  const agent = http2Agent({ connections: 1 });
  const sent = [send(agent, server), send(agent, server)];
  for (const { ended } of sent) expect((await ended).status).toBe(200);
  await server.finished();
});

test("a limit may be raised and lowered on the way", async () => {
  const server = await holdingServer(1);
  const agent = http2Agent({ connections: 1 });
  const sent = Array.from({ length: 9 }, () => send(agent, server));
  await expect.poll(() => server.held.length).toBe(1);
  await server.peers[0]!.send(settingsFrame({ MAX_CONCURRENT_STREAMS: 5 }));
  await expect.poll(() => server.held.length).toBe(5);
  await server.peers[0]!.send(settingsFrame({ MAX_CONCURRENT_STREAMS: 2 }));
  server.release(3);
  await server.peers[0]!.ping();
  await server.peers[0]!.ping();
  expect(server.held).toHaveLength(2);
  server.release(1);
  await expect.poll(() => server.held.length).toBe(2);
  await server.peers[0]!.send(settingsFrame({ MAX_CONCURRENT_STREAMS: 100 }));
  await expect.poll(() => server.held.length).toBe(5);
  server.release(5);
  for (const { ended } of sent) expect((await ended).status).toBe(200);
});

test("a server that allows no streams for now gets none on that connection until it does", async () => {
  const server = await holdingServer(1);
  const agent = http2Agent({ connections: 1 });
  const first = send(agent, server);
  await expect.poll(() => server.held.length).toBe(1);
  await server.peers[0]!.send(settingsFrame({ MAX_CONCURRENT_STREAMS: 0 }));
  server.release(1);
  expect((await first.ended).status).toBe(200);
  const second = send(agent, server);
  await server.peers[0]!.ping();
  expect(server.held).toHaveLength(0);
  await server.peers[0]!.send(settingsFrame({ MAX_CONCURRENT_STREAMS: 1 }));
  await expect.poll(() => server.held.length).toBe(1);
  server.release(1);
  expect((await second.ended).status).toBe(200);
});

test("1,000 requests at once all have their answers", async () => {
  const server = await rawHttp2Server((peer) => answerEach(peer, (stream) => stream.headers(OK, { endStream: true })), {
    settings: { MAX_CONCURRENT_STREAMS: 50 },
  });
  const agent = http2Agent({ connections: 2 });
  const sent = Array.from({ length: 1_000 }, () => send(agent, server));
  for (const { ended } of sent) expect((await ended).status).toBe(200);
  expect(server.peers).toHaveLength(2);
});

test("dispatch says when another request would have to wait, and drain when it would not", async () => {
  const server = await holdingServer(2);
  const agent = http2Agent({ connections: 1 });
  const first = send(agent, server);
  await expect.poll(() => server.held.length).toBe(1);
  await server.peers[0]!.ping();
  let drained = 0;
  agent.on("drain", () => (drained += 1));
  const handler = {
    onRequestStart() {},
    onResponseStart() {},
    onResponseData() {},
    onResponseEnd() {},
    onResponseError() {},
  };
  expect(agent.dispatch({ origin: server.origin, path: "/", method: "GET" }, handler)).toBe(false);
  await expect.poll(() => server.held.length).toBe(2);
  expect(drained).toBe(0);
  server.release(2);
  await first.ended;
  await expect.poll(() => drained).toBe(1);
});

test("requests for a server that allows none fail after the headers timeout, each its own", async () => {
  const server = await holdingServer(1);
  const agent = http2Agent({ connections: 1, headersTimeout: 60 });
  const first = send(agent, server, { headersTimeout: 0 });
  await expect.poll(() => server.held.length).toBe(1);
  const early = send(agent, server);
  await server.peers[0]!.send(settingsFrame({ MAX_CONCURRENT_STREAMS: 0 }));
  await server.peers[0]!.ping();
  const patient = send(agent, server, { headersTimeout: 0 });
  const late = send(agent, server);
  for (const { ended } of [early, late]) expect((await ended).error?.code).toBe("UND_ERR_HEADERS_TIMEOUT");
  await server.peers[0]!.send(settingsFrame({ MAX_CONCURRENT_STREAMS: 2 }));
  await expect.poll(() => server.held.length).toBe(2);
  server.release(2);
  for (const { ended } of [first, patient]) expect((await ended).status).toBe(200);
});

test("a request that waited for a server that allowed none has all its time when it is sent", async () => {
  const server = await holdingServer(1);
  const agent = http2Agent({ connections: 1, headersTimeout: 300 });
  const first = send(agent, server);
  await expect.poll(() => server.held.length).toBe(1);
  await server.peers[0]!.send(settingsFrame({ MAX_CONCURRENT_STREAMS: 0 }));
  server.release(1);
  await first.ended;
  const second = send(agent, server);
  await server.peers[0]!.send(settingsFrame({ MAX_CONCURRENT_STREAMS: 1 }));
  await expect.poll(() => server.held.length).toBe(1);
  server.release(1);
  expect((await second.ended).status).toBe(200);
});
