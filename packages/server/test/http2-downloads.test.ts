import { once } from "node:events";
import { createServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { Readable } from "node:stream";

import { deadline, errorCodes, type FieldPairs, listen, rawHttp2Client, requestFields, until } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { type ContentSource, sendVerified, type SendVerifiedOptions } from "../src/index.ts";
import { handleHttp2 } from "./http2-peer.ts";
import { base64, content, md5, other } from "./peer.ts";
import { digestsOf, put } from "./store-contract.ts";

/** A server that answers everything with this, and one request to it. */
async function answered(
  source: () => ContentSource,
  options: SendVerifiedOptions = {},
  { method = "GET", ...peerOptions }: { method?: string; updateWindows?: boolean } = {},
) {
  const outcome = Promise.withResolvers<unknown>();
  const server = createServer((_req: Http2ServerRequest, res: Http2ServerResponse) => {
    sendVerified(res, source(), options).then(outcome.resolve, outcome.resolve);
  });
  const { port } = await listen(server);
  const peer = await rawHttp2Client(port, peerOptions);
  const stream = await peer.request(requestFields(method, "/"), { endStream: true });
  return {
    peer,
    stream,
    outcome: deadline(outcome.promise, () => "the response is still going out"),
  };
}

const named = (fields: FieldPairs | undefined, name: string): string[] =>
  (fields ?? []).filter(([known]) => known === name).map(([, value]) => value);

const pieces = (): Readable =>
  Readable.from([content.subarray(0, 5), Buffer.alloc(0), content.subarray(5), Buffer.alloc(0)]);

const expected = [
  ["md5", md5(content)],
  ["size", String(content.length)],
  ["content-digest", `sha-256=:${base64("sha256", content)}:, md5=:${base64("md5", content)}:`],
];

test.each<[string, () => ContentSource]>([
  ["a stream", pieces],
  ["a buffer", () => content],
  ["a string", () => content.toString()],
])("%s has its digests as trailers, whether the client asked for them or not", async (_what, source) => {
  const { stream, outcome } = await answered(source);
  await stream.untilEnd();
  expect(stream.data).toEqual(content);
  expect(stream.trailers).toEqual(expected);
  expect(named(stream.fields, "trailer")).toEqual(["Md5, Size, Content-Digest"]);
  expect(await outcome).toBeUndefined();
});

test("so has nothing at all", async () => {
  const { stream, outcome } = await answered(() => Readable.from([]));
  await stream.untilEnd();
  expect(stream.trailers).toContainEqual(["size", "0"]);
  expect(await outcome).toBeUndefined();
});

test.each([
  ["HEAD", 200],
  ["GET", 204],
  ["GET", 304],
])("%s answered with %i has a header section and nothing else", async (method, status) => {
  const { stream, outcome } = await answered(pieces, { status, digests: await digestsOf(content) }, { method });
  await stream.untilEnd();
  expect([stream.status, stream.data.length, stream.trailers]).toEqual([status, 0, undefined]);
  expect(named(stream.fields, "repr-digest")).toHaveLength(1);
  expect(await outcome).toBeUndefined();
});

test("header lines are sent as given, duplicates too, but for those that frame or are about a connection", async () => {
  const headers: [string, string][] = [
    ["X-A", "1"],
    ["X-A", "2"],
    ["Content-Length", "3"],
    ["Trailer", "X"],
    ["Transfer-Encoding", "gzip"],
    ["Connection", "close"],
    ["Keep-Alive", "timeout=5"],
    ["Proxy-Connection", "close"],
    ["Upgrade", "h2c"],
    ["TE", "trailers"],
  ];
  const { stream } = await answered(() => content, { headers, status: 203 });
  await stream.untilEnd();
  const names = stream.fields!.map(([name]) => name);
  expect(names).toEqual([":status", "x-a", "x-a", "trailer", "size", "date"]);
  expect(named(stream.fields, "x-a")).toEqual(["1", "2"]);
});

describe("content that is not what it should be", () => {
  const large = Buffer.alloc(60_000, "trailsum");
  const rotten = Buffer.from(large);
  rotten[59_999] = 0;

  test.each<[string, () => ContentSource, () => Promise<SendVerifiedOptions>]>([
    ["other bytes", () => rotten, async () => ({ digests: await digestsOf(large) })],
    [
      "other bytes in many pieces",
      () => Readable.from([rotten.subarray(0, 30_000), rotten.subarray(30_000)]),
      async () => ({ digests: await digestsOf(large) }),
    ],
    ["fewer bytes", () => Readable.from([large]), async () => ({ size: 60_001 })],
    ["more bytes", () => Readable.from([large, other]), async () => ({ size: 60_000 })],
    [
      "a source that fails",
      () =>
        Readable.from(
          (async function* () {
            yield large;
            throw new Error("the disk is gone");
          })(),
        ),
      async () => ({}),
    ],
  ])("%s: reset as a failure, never ended", async (_what, source, options) => {
    const { stream, outcome, peer } = await answered(source, await options());
    expect(await outcome).toMatchObject({ name: "TrailsumError" });
    // NO_ERROR would look like success to some.
    expect(await stream.untilReset()).toBe(errorCodes.INTERNAL_ERROR);
    expect([stream.ended, stream.trailers]).toEqual([false, undefined]);
    expect(stream.data.length).toBeLessThan(60_000);
    await peer.ping();
  });
});

describe("a client that goes away", () => {
  test.each([errorCodes.NO_ERROR, errorCodes.CANCEL])(
    "by a reset (%i) destroys the source, even one that waits",
    async (code) => {
      const source = new Readable({ read() {} });
      source.push(content);
      source.push(other);
      const { stream, outcome } = await answered(() => source);
      await stream.untilFields();
      await stream.reset(code);
      expect(await outcome).toMatchObject({ code: "CONNECTION_LOST" });
      expect(source.destroyed).toBe(true);
    },
  );

  test.each([errorCodes.NO_ERROR, errorCodes.CANCEL])(
    "by a reset (%i) before all that was ended could be sent has not got it",
    async (code) => {
      const { peer, stream, outcome } = await answered(() => Buffer.alloc(70_000), {}, { updateWindows: false });
      await stream.untilData(65_535);
      await peer.ping();
      await stream.reset(code);
      expect(await outcome).toMatchObject({ code: "CONNECTION_LOST" });
    },
  );

  test("before the response begins destroys the source", async () => {
    const source = pieces();
    const outcome = Promise.withResolvers<unknown>();
    const server = createServer((_req, res) => {
      res.once("close", () => {
        sendVerified(res, source).then(outcome.resolve, outcome.resolve);
      });
    });
    const { port } = await listen(server);
    const arrived = once(server, "request");
    const peer = await rawHttp2Client(port);
    const stream = await peer.request(requestFields("GET", "/"), { endStream: true });
    await arrived;
    await stream.reset();
    expect(await outcome.promise).toMatchObject({ code: "CONNECTION_LOST" });
    expect(source.destroyed).toBe(true);
  });
});

test("a client that grants no window stops the source, and no other client", async () => {
  let produced = 0;
  const endless = Readable.from(
    (function* () {
      for (;;) {
        produced += 65_536;
        yield Buffer.alloc(65_536);
      }
    })(),
    { objectMode: false, highWaterMark: 65_536 },
  );
  const { peer, stream } = await answered(() => endless, {}, { updateWindows: false });
  await stream.untilData(65_535);
  let before = -1;
  while (produced !== before) {
    before = produced;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(produced).toBeLessThan(2 * 1024 * 1024);
  await peer.ping();
  await stream.reset();
  await until(
    () => endless.destroyed,
    () => "the source is still open",
  );
});

test("a signal aborts the response", async () => {
  const controller = new AbortController();
  const source = new Readable({ read() {} });
  source.push(content);
  source.push(other);
  const { stream, outcome } = await answered(() => source, { signal: controller.signal });
  await stream.untilFields();
  controller.abort();
  expect(await stream.untilReset()).toBe(errorCodes.INTERNAL_ERROR);
  expect(await outcome).toMatchObject({ code: "ABORTED" });
});

test("an object is returned with its digests, and a second time on the same connection", async () => {
  const { port, store } = await handleHttp2();
  await put(store, "it", content);
  const peer = await rawHttp2Client(port);
  const digests = `md5=:${base64("md5", content)}:, sha-256=:${base64("sha256", content)}:`;
  for (let round = 0; round < 2; round += 1) {
    const stream = await peer.request(requestFields("GET", "/it"), { endStream: true });
    await stream.untilEnd();
    expect(stream.data).toEqual(content);
    expect(named(stream.fields, "repr-digest")).toEqual([digests]);
    expect(named(stream.trailers, "content-digest")).toEqual([digests]);
  }
});
