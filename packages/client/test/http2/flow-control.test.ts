import { Readable } from "node:stream";

import { type FieldPairs, rawHttp2Server, windowUpdateFrame } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { http2Agent, send } from "./exchanging.ts";

const OK: FieldPairs = [[":status", "200"]];
const MIB = 1_048_576;
/** RFC 9113 section 6.5.2. */
const settings = { ENABLE_PUSH: 2, INITIAL_WINDOW_SIZE: 4 };

describe("the windows for responses", () => {
  test.each([
    ["by default", {}, MIB, 16 * MIB],
    ["as they are chosen", { initialWindowSize: 100_000, connectionWindowSize: 300_000 }, 100_000, 300_000],
  ])("are announced to the server, %s", async (_name, options, stream, connection) => {
    const server = await rawHttp2Server(async (peer) => {
      await (await peer.accept()).headers(OK, { endStream: true });
    });
    await send(http2Agent(options), server).ended;
    const { frames } = server.peers[0]!;
    const { settings: reported = [] } = frames.find(({ type }) => type === "SETTINGS")!;
    expect(new Map(reported).get(settings.INITIAL_WINDOW_SIZE)).toBe(stream);
    expect(new Map(reported).get(settings.ENABLE_PUSH)).toBe(0);
    const update = frames.find(({ type, streamId }) => type === "WINDOW_UPDATE" && streamId === 0);
    expect(update?.increment).toBe(connection - 65_535);
  });

  test("of a stream stay shut while its handler rests, and others continue", async () => {
    const sent = { rested: 0 };
    const server = await rawHttp2Server(async (peer) => {
      const rested = await peer.accept();
      const other = await peer.accept();
      await rested.headers(OK);
      await other.headers(OK);
      // Until no more may be sent
      const piece = Buffer.alloc(16_384, "r");
      const flowing = (async () => {
        for (; sent.rested < 4 * MIB; sent.rested += piece.length) await rested.body(piece);
        await rested.body("", { endStream: true });
      })();
      await other.body(Buffer.alloc(20 * MIB, "o"), { endStream: true });
      await flowing;
    });
    const agent = http2Agent();
    const rested = send(agent, server, {}, (controller) => controller.pause());
    const other = send(agent, server);
    expect((await other.ended).content).toHaveLength(20 * MIB);
    expect(rested.reported.content).toBe("");
    // What is in transit, and no more: the window, and what a stream buffers before it stops reading.
    expect(sent.rested).toBeLessThanOrEqual(MIB + 4 * 65_536);
    rested.controller.resume();
    expect((await rested.ended).content).toHaveLength(4 * MIB);
  });

  test("bound what handlers that rest hold in memory", async () => {
    const streams = 20;
    const server = await rawHttp2Server(async (peer) => {
      const piece = Buffer.alloc(16_384, "r");
      for (let count = 0; count < streams; count++) {
        const stream = await peer.accept();
        await stream.headers(OK);
        void (async () => {
          for (let sent = 0; sent < 10 * MIB; sent += piece.length) await stream.body(piece, { timeout: 60_000 });
        })().catch(() => {});
      }
    });
    const agent = http2Agent({ initialWindowSize: 200_000 });
    const before = process.memoryUsage().arrayBuffers;
    const rested = Array.from({ length: streams }, () => send(agent, server, {}, (controller) => controller.pause()));
    const windows = (): number[] => [...server.peers[0]!.streams.values()].map(({ sendWindow }) => sendWindow);
    await expect
      .poll(() => server.peers[0]?.streams.size === streams && windows().every((window) => window === 0))
      .toBe(true);
    await server.peers[0]!.ping();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(streams * 400_000 + 10 * MIB);
    for (const { controller, ended } of rested) {
      controller.abort(new Error("enough"));
      expect((await ended).error).toMatchObject({ message: "enough" });
    }
  });

  test("open again for what was held back when its handler goes on and rests in turns", async () => {
    const server = await rawHttp2Server(async (peer) => {
      const stream = await peer.accept();
      await stream.headers(OK);
      for (let count = 0; count < 300; count++) await stream.body(Buffer.alloc(10_000, "x"));
      await stream.endWithTrailers([["x-t", "1"]]);
    });
    let received = 0;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    http2Agent({ initialWindowSize: 70_000 }).dispatch(
      { origin: server.origin, path: "/", method: "GET" },
      {
        onRequestStart() {},
        onResponseStart() {},
        onResponseData(controller, chunk) {
          received += chunk.length;
          controller.pause();
          setImmediate(() => controller.resume());
        },
        onResponseEnd: (controller) => resolve(controller.rawTrailers),
        onResponseError: (_controller, error) => reject(error),
      },
    );
    expect(await promise).toEqual(["x-t", "1"]);
    expect(received).toBe(3_000_000);
  });
});

describe("the server's windows", () => {
  /** A source that notes how much it was asked for. */
  function countingSource(size: number): {
    readonly given: () => number;
    readonly stream: () => Readable;
    iterate(): AsyncGenerator<Buffer>;
  } {
    let given = 0;
    const piece = Buffer.alloc(10_000, "x");
    return {
      given: () => given,
      stream: () =>
        new Readable({
          read() {
            given += piece.length;
            this.push(piece);
            if (given >= size) this.push(null);
          },
        }),
      async *iterate() {
        while (given < size) {
          given += piece.length;
          yield piece;
        }
      },
    };
  }

  test.each(["stream", "iterate"] as const)("hold the source of a body back: %s", async (how) => {
    const server = await rawHttp2Server(
      async (peer) => {
        const stream = await peer.accept();
        await stream.untilData(65_535);
        await peer.ping();
        await peer.ping();
        expect(stream.data).toHaveLength(65_535);
        // The window, what Node buffers in transit there, and what the source itself reads ahead.
        expect(source.given()).toBeLessThan(65_535 + 4 * 65_536 + 20_000);
        while (!stream.ended) {
          void peer.send(windowUpdateFrame(0, 50_000), windowUpdateFrame(1, 50_000));
          await peer.ping();
        }
        await stream.headers([...OK, ["x-size", String(stream.data.length)]], { endStream: true });
      },
      { updateWindows: false },
    );
    const source = countingSource(2_000_000);
    const reported = await send(http2Agent(), server, { method: "PUT", body: source[how](), trailers: { a: "b" } })
      .ended;
    expect(reported).toMatchObject({ status: 200, raw: ["x-size", "2000000"] });
    await server.finished();
  });

  test.each([
    ["one large piece", () => [Buffer.alloc(3_000_000, "x")]],
    ["bytes in memory", () => Buffer.alloc(3_000_000, "x")],
    ["a text", () => "x".repeat(3_000_000)],
  ])("are not exceeded by %s", async (_name, body) => {
    const server = await rawHttp2Server(async (peer) => {
      const stream = await peer.accept();
      await stream.untilEnd();
      await stream.headers([...OK, ["x-size", String(stream.data.length)]], { endStream: true });
    });
    const reported = await send(http2Agent(), server, { method: "PUT", body: body() }).ended;
    expect(reported).toMatchObject({ status: 200, raw: ["x-size", "3000000"] });
  });

  test("may be changed by SETTINGS on the way, below zero too", async () => {
    const { settingsFrame } = await import("@trailsum/testkit");
    const server = await rawHttp2Server(
      async (peer) => {
        const stream = await peer.accept();
        await stream.untilData(65_535);
        await peer.send(settingsFrame({ INITIAL_WINDOW_SIZE: 1_000 }), windowUpdateFrame(0, 1_000_000));
        await peer.send(windowUpdateFrame(1, 64_535));
        await peer.ping();
        expect(stream.data).toHaveLength(65_535);
        await peer.send(settingsFrame({ INITIAL_WINDOW_SIZE: 200_000 }));
        await stream.untilEnd();
        await stream.headers([...OK, ["x-size", String(stream.data.length)]], { endStream: true });
      },
      { updateWindows: false },
    );
    const reported = await send(http2Agent(), server, { method: "PUT", body: Buffer.alloc(200_000) }).ended;
    expect(reported).toMatchObject({ status: 200, raw: ["x-size", "200000"] });
    await server.finished();
  });
});
