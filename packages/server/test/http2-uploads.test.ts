import { createServer, type ServerHttp2Stream } from "node:http2";
import { Writable } from "node:stream";

import {
  dataFrame,
  errorCodes,
  type Http2Peer,
  type Http2Stream,
  rawHttp2Client,
  requestFields,
  until,
} from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { createMemoryStore, type Store, type UploadHandlerOptions } from "../src/index.ts";
import { handleHttp2, http2Answer, sendHttp2 } from "./http2-peer.ts";
import { content, directoryFixture, handling, md5, other, readObject, request, upload } from "./peer.ts";
import { put as putObject } from "./store-contract.ts";

const announced = [["trailer", "md5, size"]] as const;
const trailers = [
  ["md5", md5(content)],
  ["size", String(content.length)],
] as const;
const put = requestFields("PUT", "/it", announced);

/** An upload handler on a directory, its log, and one connection to it. */
async function uploading(options: Partial<UploadHandlerOptions> = {}) {
  const directory = await directoryFixture();
  const reported: string[] = [];
  const log = (line: string): void => void reported.push(line);
  const store = options.store ?? directory.store;
  const handled = await handleHttp2({ logger: { info: log, warn: log, error: log }, ...options, store });
  const peer = await rawHttp2Client(handled.port);
  return { ...directory, ...handled, store, reported, peer };
}

/** What shows that a connection has outlived what happened on one of its streams. */
async function uploadsOn(peer: Http2Peer): Promise<void> {
  const stream = await sendHttp2(peer, upload("/next", Buffer.from("small")));
  await stream.untilEnd();
  expect(stream.status).toBe(201);
}

/** How far an upload comes before it is aborted. */
const cuts: Readonly<Record<string, (stream: Http2Stream) => Promise<void>>> = {
  "after the head": async () => {},
  "within the content": (stream) => stream.body(content.subarray(0, 5)),
  "after the content, before its end": (stream) => stream.body(content),
};

/** By what. */
const breaks: Readonly<Record<string, (stream: Http2Stream, peer: Http2Peer) => unknown>> = {
  "is reset with NO_ERROR": (stream) => stream.reset(errorCodes.NO_ERROR),
  "is reset with CANCEL": (stream) => stream.reset(errorCodes.CANCEL),
  "is reset with INTERNAL_ERROR": (stream) => stream.reset(errorCodes.INTERNAL_ERROR),
  "ends with its connection": (_stream, peer) => peer.connection.end(),
  "is lost with its connection": (_stream, peer) => peer.connection.reset(),
};

describe.each(Object.entries(breaks))("an upload that %s", (_how, abort) => {
  test.each(Object.entries(cuts))("%s leaves nothing behind", async (_where, send) => {
    // Only the framing shows that this one is incomplete.
    const { peer, reported, settled, visible, staged, records } = await uploading({ allowUnverified: true });
    const stream = await peer.request(requestFields("PUT", "/it"));
    await send(stream);
    await until(
      () => peer.frames.some(({ type, ack }) => type === "SETTINGS" && ack),
      () => "the server reads nothing",
    );
    await peer.ping();
    await abort(stream, peer);
    await until(
      () => reported.length > 0,
      () => "the upload continues",
    );
    await settled();
    expect(reported).toEqual([expect.stringContaining("aborted")]);
    expect([await visible(), await staged(), await records()]).toEqual([[], [], []]);
    expect(stream.status).toBeUndefined();
  });
});

describe("an upload that is reset with NO_ERROR leaves nothing behind", () => {
  const gated = () => {
    const memory = createMemoryStore();
    const gate = Promise.withResolvers<void>();
    const staging = Promise.withResolvers<void>();
    const committed: string[] = [];
    const store: Store = {
      ...memory,
      async stage(path, options) {
        staging.resolve();
        await gate.promise;
        const staged = await memory.stage(path, options);
        return {
          ...staged,
          content: staged.content,
          commit: (digests) => (committed.push(path), staged.commit(digests)),
        };
      },
    };
    return { store, staging: staging.promise, open: () => gate.resolve(), committed };
  };

  test("before anybody reads it", async () => {
    const { store, staging, open, committed } = gated();
    const { peer, settled, reported } = await uploading({ store, allowUnverified: true });
    const stream = await peer.request(requestFields("PUT", "/it"));
    await stream.body(content);
    await staging;
    await stream.reset(errorCodes.NO_ERROR);
    await peer.ping();
    open();
    await settled();
    expect([committed, reported]).toEqual([[], [expect.stringContaining("aborted")]]);
  });

  test("while its content waits to be taken", async () => {
    const memory = createMemoryStore();
    let release = (): void => {};
    const committed: string[] = [];
    const store: Store = {
      ...memory,
      async stage(path) {
        const sink = new Writable({
          highWaterMark: 1,
          write(_chunk, _encoding, done) {
            release = done;
          },
        });
        return {
          content: sink,
          commit: async () => (committed.push(path), { created: true }),
          keep: () => Promise.reject(new Error("nothing is kept")),
          discard: async () => void sink.destroy(),
        };
      },
    };
    const { peer, settled, reported } = await uploading({ store, allowUnverified: true });
    const stream = await peer.request(requestFields("PUT", "/it"));
    for (let sent = 0; sent < 4; sent += 1) await stream.body(Buffer.alloc(10_000));
    await stream.reset(errorCodes.NO_ERROR);
    await peer.ping();
    release();
    await settled();
    expect([committed, reported]).toEqual([[], [expect.stringContaining("aborted")]]);
  });
});

describe("a stream that is reset is released", () => {
  const stalled: Store = {
    ...createMemoryStore(),
    async stage() {
      const sink = new Writable({ highWaterMark: 1, write() {} });
      return {
        content: sink,
        commit: async () => ({ created: true }),
        keep: () => Promise.reject(new Error("nothing is kept")),
        discard: async () => void sink.destroy(),
      };
    },
  };

  test.each<[string, Partial<UploadHandlerOptions>, (peer: Http2Peer) => Promise<Http2Stream>]>([
    [
      "with unread content",
      { store: stalled },
      async (peer) => {
        const stream = await peer.request(put);
        await stream.body(Buffer.alloc(60_000));
        return stream;
      },
    ],
    [
      "with a refusal that the client has no window for",
      {},
      async (peer) => {
        const stream = await peer.request(requestFields("GET", "/nothing"), { endStream: true });
        await stream.untilFields();
        return stream;
      },
    ],
    [
      "with a receipt that the client has no window for",
      {},
      async (peer) => {
        const stream = await sendHttp2(peer, upload("/it"));
        await stream.untilFields();
        return stream;
      },
    ],
    [
      "with an object that the client has no window for",
      {},
      async (peer) => {
        const stream = await peer.request(requestFields("GET", "/there"), { endStream: true });
        await stream.untilFields();
        return stream;
      },
    ],
  ])("%s", async (_what, options, begin) => {
    const { store, server, port, settled } = await uploading(options);
    if (options.store === undefined) await putObject(store, "there", Buffer.alloc(100_000));
    const streams: ServerHttp2Stream[] = [];
    server.on("stream", (stream) => streams.push(stream));
    const peer = await rawHttp2Client(port, { settings: { INITIAL_WINDOW_SIZE: 0 } });
    const stream = await begin(peer);
    await peer.ping();
    await stream.reset(errorCodes.NO_ERROR);
    await until(
      () => streams[0]?.destroyed === true,
      () => "the stream is still there",
    );
    expect(streams).toHaveLength(1);
    await settled();
    await peer.ping();
  });
});

describe("a message that is malformed is reset, and nothing else", () => {
  test.each<[string, readonly (readonly [string, string])[], (stream: Http2Stream) => Promise<void>]>([
    ["less content than Content-Length", [["content-length", "20"]], (stream) => stream.endWithTrailers(trailers)],
    ["an upper-case name among the trailers", [], (stream) => stream.endWithTrailers([["Md5", md5(content)]])],
    ["a pseudo field among the trailers", [], (stream) => stream.endWithTrailers([...trailers, [":path", "/other"]])],
    ["Connection among the trailers", [], (stream) => stream.endWithTrailers([...trailers, ["connection", "close"]])],
    ["a second header section that does not end it", [], (stream) => stream.headers(trailers)],
    [
      "more trailers than are allowed",
      [],
      (stream) => stream.endWithTrailers(Array.from({ length: 129 }, (_, at) => [`x-${at}`, "1"])),
    ],
  ])("%s", async (_what, fields, end) => {
    const { peer, settled, visible, staged } = await uploading({ allowUnverified: true });
    const stream = await peer.request(requestFields("PUT", "/it", fields));
    await stream.body(content);
    await end(stream);
    expect(await stream.untilReset()).not.toBe(errorCodes.NO_ERROR);
    await settled();
    expect([await visible(), await staged()]).toEqual([[], []]);
    await uploadsOn(peer);
  });

  test("more content than Content-Length", async () => {
    const { peer, settled, visible, staged, port } = await uploading({ allowUnverified: true });
    const stream = await peer.request(requestFields("PUT", "/it", [["content-length", "3"]]));
    await stream.body(content, { endStream: true });
    // It costs the connection, or, in Node 22.19, the stream.
    await peer.until(() => peer.goaway ?? stream.resetCode, "a refusal");
    await settled();
    expect([await visible(), await staged()]).toEqual([[], []]);
    await uploadsOn(await rawHttp2Client(port));
  });
});

test.each([
  ["a line feed", `${md5(content).slice(0, 16)}\n${md5(content).slice(16)}`],
  ["a space before it", ` ${md5(content)}`],
])("a digest with %s, which Node drops, counts as missing", async (_what, value) => {
  const { peer, visible } = await uploading({ allowUnverified: true });
  const stream = await peer.request(put);
  await stream.body(content);
  await stream.endWithTrailers([
    ["md5", value],
    ["size", String(content.length)],
  ]);
  await stream.untilEnd();
  expect(http2Answer(stream).json).toMatchObject({ status: 400, verdict: "missing", missing_fields: ["Md5"] });
  expect(await visible()).toEqual([]);
});

test("more bytes of trailers than are allowed: 431", async () => {
  const { peer, visible } = await uploading();
  const stream = await peer.request(put);
  await stream.body(content);
  await stream.endWithTrailers([...trailers, ["x-large", "x".repeat(9_000)], ["x-larger", "x".repeat(9_000)]]);
  await stream.untilEnd();
  expect(http2Answer(stream).status).toBe(431);
  expect(await visible()).toEqual([]);
});

test("a request without content, and so without trailers, is refused by its head", async () => {
  const { peer } = await uploading();
  const stream = await peer.request(put, { endStream: true });
  await stream.untilEnd();
  expect(http2Answer(stream).json).toMatchObject({ status: 400, verdict: "missing" });
});

test("many uploads at once on one connection each get their own answer", async () => {
  const { peer, store } = await uploading();
  const bodies = Array.from({ length: 50 }, (_, at) => Buffer.alloc(5_000 + at, at));
  const streams = await Promise.all(bodies.map((bytes, at) => sendHttp2(peer, upload(`/many/${at}`, bytes))));
  await Promise.all(streams.map((stream) => stream.untilEnd()));
  expect(streams.map(({ status }) => status)).toEqual(bodies.map(() => 201));
  const stored = await Promise.all(bodies.map((_, at) => readObject(store, `many/${at}`)));
  expect(stored).toEqual(bodies);
});

describe("an answer before the content has ended costs the connection nothing", () => {
  test.each<[string, Partial<UploadHandlerOptions>, Parameters<typeof requestFields>, number]>([
    ["content too large, by its length", { maxSize: 10 }, ["PUT", "/it", [["content-length", "1000000"]]], 413],
    ["content that turns out to be too large", { maxSize: 10 }, ["PUT", "/it", announced], 413],
    ["a sender that falls silent", { idleTimeout: 30 }, ["PUT", "/it", announced], 408],
    ["a path that is forbidden", {}, ["PUT", "/a%2fb"], 403],
    ["a method that is not allowed", {}, ["PATCH", "/it"], 405],
    ["DELETE with content", {}, ["DELETE", "/it"], 400],
    ["an unknown expectation", {}, ["PUT", "/it", [["expect", "200-ok"]]], 417],
    ["a part of something", {}, ["PUT", "/it", [["content-range", "bytes 0-1/9"]]], 400],
    ["OPTIONS with content", {}, ["OPTIONS", "/it"], 204],
  ])("%s", async (_what, options, head, status) => {
    const { peer, settled, visible, staged } = await uploading(options);
    const stream = await peer.request(requestFields(...head));
    await stream.body(content).catch(() => {});
    await stream.untilEnd();
    expect(stream.status).toBe(status);
    await settled();
    expect([await visible(), await staged()]).toEqual([[], []]);
    await stream.body(content).catch(() => {});
    await stream.reset();
    await uploadsOn(peer);
  });

  test("and stops a sender that keeps sending, after a while", async () => {
    const { peer } = await uploading({ maxSize: 10 });
    const streams = [
      await peer.request(put),
      await peer.request(requestFields("PUT", "/it", [["content-length", "1000000"]])),
      await peer.request(requestFields("OPTIONS", "/it")),
    ];
    for (const stream of streams) await stream.body(content);
    expect(await Promise.all(streams.map((stream) => stream.untilReset()))).toEqual([0, 0, 0]);
    expect(streams.map(({ status, ended }) => [status, ended])).toEqual([
      [413, true],
      [413, true],
      [204, true],
    ]);
    await uploadsOn(peer);
  });

  test("and gives it its window back", async () => {
    const { peer } = await uploading({ maxSize: 100 });
    // More than the window of the connection in all.
    for (let round = 0; round < 12; round += 1) {
      const stream = await peer.request(requestFields("PUT", "/it"));
      await stream.body(Buffer.alloc(16_000));
      await stream.untilEnd();
      expect(stream.status).toBe(413);
    }
    await uploadsOn(peer);
  });

  test("no field that is about a connection is sent", async () => {
    const { peer } = await uploading({ maxSize: 10 });
    const stream = await peer.request(put);
    await stream.body(content);
    const names = (await stream.untilFields()).map(([name]) => name);
    expect(names).toEqual([":status", "content-type", "content-length", "date"]);
  });
});

describe("Expect: 100-continue", () => {
  test.each(["100-continue", "100-Continue"])("%s gets its 100, and then its answer", async (expectation) => {
    const { peer } = await uploading();
    const stream = await peer.request([...put, ["expect", expectation]]);
    await until(
      () => stream.informational.length > 0,
      () => "there is no 100",
    );
    expect(stream.informational).toEqual([[[":status", "100"]]]);
    await stream.body(content);
    await stream.endWithTrailers(trailers);
    await stream.untilEnd();
    expect(stream.status).toBe(201);
  });

  test("is refused before the content is sent", async () => {
    const { peer } = await uploading({ maxSize: 10 });
    const stream = await peer.request([...put, ["expect", "100-continue"], ["content-length", "11"]]);
    await stream.untilEnd();
    expect([stream.status, stream.informational]).toEqual([413, []]);
  });

  test.each([errorCodes.NO_ERROR, errorCodes.CANCEL])(
    "of a client that is gone (%i) is not a failure of the server",
    async (code) => {
      const memory = createMemoryStore();
      const gate = Promise.withResolvers<void>();
      const store: Store = { ...memory, stage: (...given) => gate.promise.then(() => memory.stage(...given)) };
      const { peer, settled, reported } = await uploading({ store });
      const stream = await peer.request([...put, ["expect", "100-continue"]]);
      await stream.body(content);
      await stream.reset(code);
      await peer.ping();
      gate.resolve();
      await settled();
      expect(reported).toEqual([expect.stringContaining("aborted")]);
    },
  );
});

test("a slow store makes the sender wait: no more is held than its window", async () => {
  const window = 200_000;
  const store: Store = {
    ...createMemoryStore(),
    async stage() {
      const sink = new Writable({ write() {} });
      return {
        content: sink,
        commit: async () => ({ created: true }),
        keep: () => Promise.reject(new Error("nothing is kept")),
        discard: async () => void sink.destroy(),
      };
    },
  };
  const { port, settled } = await handling(createServer({ settings: { initialWindowSize: window } }), { store });
  const peer = await rawHttp2Client(port);
  const stream = await peer.request(put);
  // The window of the connection is returned as soon as its bytes arrive, so that others continue.
  let sent = 0;
  const piece = Buffer.alloc(10_000);
  await until(
    () => {
      if (Math.min(stream.sendWindow, peer.sendWindow) < piece.length) return stream.sendWindow < piece.length;
      stream.sendWindow -= piece.length;
      peer.sendWindow -= piece.length;
      sent += piece.length;
      void peer.send(dataFrame(stream.id, piece));
      return false;
    },
    () => `the server takes more and more: ${sent} bytes`,
  );
  await peer.ping();
  // What the streams in between hold beside it.
  expect(sent).toBeLessThan(window + 1024 * 1024);
  peer.connection.destroy();
  await settled();
});

test("a refused upload does not cost the connection", async () => {
  const { peer } = await uploading();
  const stream = await sendHttp2(
    peer,
    request(
      "PUT /it",
      ["Transfer-Encoding: chunked"],
      `${other.length.toString(16)}\r\n${other.toString()}\r\n0\r\nMd5: ${md5(content)}\r\n\r\n`,
    ),
  );
  await stream.untilEnd();
  expect([stream.status, stream.resetCode]).toEqual([400, undefined]);
  await uploadsOn(peer);
});
