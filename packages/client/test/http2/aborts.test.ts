import { Readable } from "node:stream";

import { errorCodes, type FieldPairs, type Http2Stream, rawHttp2Server } from "@trailsum/testkit";
import type { Dispatcher } from "undici";
import { describe, expect, test } from "vitest";

import type { TrailerAgent } from "../../src/index.ts";
import { answerEach, http2Agent, send } from "./exchanging.ts";

const OK: FieldPairs = [[":status", "200"]];
const callbacks = ["onRequestStart", "onBodySent", "onResponseStart", "onResponseData"] as const;

/** Sends a request with some of an endless body; at one callback `act` is called. Gives the error that follows. */
function actAt(
  agent: TrailerAgent,
  origin: string,
  at: (typeof callbacks)[number],
  act: (controller: Dispatcher.DispatchController) => void,
): { readonly body: Readable; readonly failed: Promise<Error> } {
  const body = new Readable({ read() {} });
  body.push("some");
  const { promise, resolve, reject } = Promise.withResolvers<Error>();
  let controller!: Dispatcher.DispatchController;
  const note = (name: string): void => {
    if (name === at) act(controller);
  };
  agent.dispatch(
    { origin, path: "/", method: "PUT", body, trailers: () => ({ a: "b" }) },
    {
      onRequestStart(given) {
        controller = given;
        note("onRequestStart");
      },
      onBodySent: () => note("onBodySent"),
      onResponseStart: () => note("onResponseStart"),
      onResponseData: () => note("onResponseData"),
      onResponseEnd: () => reject(new Error("it has ended well")),
      onResponseError: (_controller, error) => resolve(error),
    },
  );
  return { body, failed: promise };
}

const reason = new Error("enough");

describe.each(callbacks)("at %s", (at) => {
  test.each([
    ["abort", (controller: Dispatcher.DispatchController) => controller.abort(reason)],
    [
      "a handler that throws",
      () => {
        throw reason;
      },
    ],
  ])("%s resets the stream, ends nothing, and leaves the connection to others", async (_name, act) => {
    const streams: Http2Stream[] = [];
    const server = await rawHttp2Server((peer) =>
      answerEach(peer, async (stream) => {
        streams.push(stream);
        await stream.headers(OK, { endStream: stream.ended });
        if (!stream.ended) await stream.body("content");
      }),
    );
    const agent = http2Agent();
    expect((await send(agent, server).ended).status).toBe(200);
    const { body, failed } = actAt(agent, server.origin, at, act);
    expect(await failed).toBe(reason);
    expect(body.destroyed).toBe(true);
    expect((await send(agent, server).ended).status).toBe(200);
    expect(server.peers).toHaveLength(1);
    // One that had not begun yet was never sent.
    const cut = streams.slice(1, -1);
    expect(cut).toHaveLength(at === "onRequestStart" ? 0 : 1);
    for (const stream of cut) {
      expect(await stream.untilReset()).toBe(errorCodes.CANCEL);
      expect(stream).toMatchObject({ ended: false, trailers: undefined });
    }
  });
});

describe("a body that fails resets its stream, and never looks complete", () => {
  const failure = new Error("the disk is gone");
  test.each<readonly [string, (seen: Promise<unknown>) => unknown, unknown]>([
    ["a stream with an error", (seen) => failingStream(seen, failure), failure],
    ["a stream that is destroyed", (seen) => failingStream(seen, undefined), { code: "UND_ERR_ABORTED" }],
    ["an iterable that throws", (seen) => failingIterable(seen, failure), failure],
    ["an iterable that gives what is not content", (seen) => wrongIterable(seen), { code: "UND_ERR_INVALID_ARG" }],
  ])("%s", async (_name, make, expected) => {
    for (const trailers of [undefined, { a: "b" }]) {
      const { promise: seen, resolve } = Promise.withResolvers<void>();
      const server = await rawHttp2Server(async (peer) => {
        await (await peer.accept()).untilData(4);
        resolve();
      });
      const { error } = await send(http2Agent(), server, { method: "PUT", body: make(seen), trailers }).ended;
      expect(error).toMatchObject(expected as object);
      const stream = server.peers[0]!.stream(1);
      expect(await stream.untilReset()).toBe(errorCodes.CANCEL);
      expect(stream).toMatchObject({ data: Buffer.from("some"), ended: false, trailers: undefined });
    }
  });

  test("also while the server reads nothing", async () => {
    const server = await rawHttp2Server(
      async (peer) => {
        await (await peer.accept()).untilData(65_535);
      },
      { updateWindows: false },
    );
    const body = new Readable({ read() {} });
    for (let count = 0; count < 20; count++) body.push(Buffer.alloc(10_000, "x"));
    const { ended } = send(http2Agent(), server, { method: "PUT", body });
    await expect.poll(() => server.peers[0]?.streams.get(1)?.data.length).toBe(65_535);
    body.destroy(failure);
    expect((await ended).error).toBe(failure);
    expect(await server.peers[0]!.stream(1).untilReset()).toBe(errorCodes.CANCEL);
    expect(server.peers[0]!.stream(1).ended).toBe(false);
  });
});

test("an agent that is destroyed cuts every exchange, and ends none", async () => {
  const server = await rawHttp2Server((peer) => answerEach(peer, (stream) => stream.headers(OK)));
  const agent = http2Agent();
  const bodies = [1, 2, 3].map(() => {
    const body = new Readable({ read() {} });
    body.push("some");
    return body;
  });
  const sent = bodies.map((body) => send(agent, server, { method: "PUT", body, trailers: () => ({ a: "b" }) }));
  await expect.poll(() => sent.every(({ reported }) => reported.status === 200)).toBe(true);
  await agent.destroy(reason);
  for (const { ended } of sent) expect((await ended).error).toBe(reason);
  for (const body of bodies) expect(body.destroyed).toBe(true);
  await server.peers[0]!.untilClosed();
  for (const stream of server.peers[0]!.streams.values()) expect(stream.ended).toBe(false);
});

test("10,000 exchanges that are aborted leave nothing behind", async () => {
  const server = await rawHttp2Server((peer) => answerEach(peer, (stream) => stream.headers(OK)), {
    settings: { MAX_CONCURRENT_STREAMS: 100 },
  });
  const agent = http2Agent({ connections: 1 });
  for (let round = 0; round < 100; round++) {
    const sent = Array.from({ length: 100 }, () =>
      send(agent, server, {}, (controller) => controller.abort(new Error("enough"))),
    );
    for (const { ended } of sent) expect((await ended).error).toMatchObject({ message: "enough" });
  }
  expect(server.peers).toHaveLength(1);
  const streams = [...server.peers[0]!.streams.values()];
  expect(streams).toHaveLength(10_000);
  await expect.poll(() => streams.filter(({ resetCode }) => resetCode === undefined)).toEqual([]);
  await agent.close();
});

function failingStream(seen: Promise<unknown>, failure: Error | undefined): Readable {
  const body = new Readable({ read() {} });
  body.push("some");
  void seen.then(() => body.destroy(failure));
  return body;
}

async function* failingIterable(seen: Promise<unknown>, failure: Error): AsyncGenerator<string> {
  yield "some";
  await seen;
  throw failure;
}

async function* wrongIterable(seen: Promise<unknown>): AsyncGenerator {
  yield "some";
  await seen;
  yield { an: "object" };
}
