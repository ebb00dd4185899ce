import { Readable } from "node:stream";

import {
  errorCodes,
  type Http2PeerOptions,
  type Http2Stream,
  rawHttp2Server,
  type RawHttp2Server,
  settingsFrame,
  windowUpdateFrame,
} from "@trailsum/testkit";
import { request } from "undici";
import { expect, onTestFinished, test } from "vitest";

import { TrailerAgent } from "../src/index.ts";

const KiB = 1024;

/** A server that answers one request, so that its settings are known then, and leaves the next one to `script`. */
function scripted(
  script: (stream: Http2Stream, send: (...frames: Uint8Array[]) => Promise<void>) => Promise<void>,
  options: Http2PeerOptions = {},
): Promise<RawHttp2Server> {
  return rawHttp2Server(async (peer) => {
    await answer(await peer.accept());
    await script(await peer.accept(), async (...frames) => {
      await peer.send(...frames);
      await peer.ping();
    });
  }, options);
}

function answer(stream: Http2Stream): Promise<void> {
  return stream.headers([[":status", "201"]], { endStream: true });
}

/** Asks for something, and then sends content with a trailer. Gives the status of the second answer. */
async function upload(origin: string, body: Readable | string): Promise<number> {
  const dispatcher = new TrailerAgent({ useH2c: true, bodyTimeout: 500, headersTimeout: 500 });
  onTestFinished(() => dispatcher.destroy());
  const first = await request(origin, { dispatcher });
  await first.body.dump();
  const options = { method: "PUT" as const, body, dispatcher, trailers: () => ({ digest: "abc" }) };
  const second = await request(origin, options);
  await second.body.dump();
  return second.statusCode;
}

function endless(onRead: (bytes: number) => void = () => {}): Readable {
  const pieces = function* pieces(): Generator<Buffer> {
    for (;;) {
      onRead(64 * KiB);
      yield Buffer.alloc(64 * KiB);
    }
  };
  return Readable.from(pieces()).on("error", () => {});
}

test("an upload to a server that gives no window fails in time, and little of its source is read", async () => {
  const server = await scripted(
    async (stream) => {
      expect(await stream.untilReset()).toBe(errorCodes.CANCEL);
      expect(stream.data).toHaveLength(0);
    },
    { settings: { INITIAL_WINDOW_SIZE: 0 } },
  );
  let read = 0;
  const source = endless((bytes) => {
    read += bytes;
  });
  await expect(upload(server.origin, source)).rejects.toMatchObject({ code: "UND_ERR_BODY_TIMEOUT" });
  expect(read).toBeLessThan(4096 * KiB);
  await server.finished();
});

test("content and trailers arrive whole by a window of one byte at a time", async () => {
  const content = "a byte at a time, ".repeat(20);
  const server = await scripted(
    async (stream) => {
      await stream.untilEnd();
      expect(stream.data.toString()).toBe(content);
      expect(stream.trailers).toEqual([["digest", "abc"]]);
      await answer(stream);
    },
    { settings: { INITIAL_WINDOW_SIZE: 1 } },
  );
  expect(await upload(server.origin, content)).toBe(201);
  await server.finished();
});

test("a window that the server takes back below zero holds the content until it is given again", async () => {
  const server = await scripted(
    async (stream, send) => {
      await stream.untilData(1000);
      await send(settingsFrame({ INITIAL_WINDOW_SIZE: 10 }));
      expect(stream.data).toHaveLength(1000);
      // That makes it what it was: nothing.
      await send(windowUpdateFrame(stream.id, 990));
      expect(stream.data).toHaveLength(1000);
      await send(windowUpdateFrame(stream.id, 10 * KiB));
      await stream.untilEnd();
      expect(stream.data).toHaveLength(5 * KiB);
      await answer(stream);
    },
    { settings: { INITIAL_WINDOW_SIZE: 1000 }, updateWindows: false },
  );
  expect(await upload(server.origin, "x".repeat(5 * KiB))).toBe(201);
  await server.finished();
});

test.each([
  ["the stream's window", 3],
  ["the connection's window", 0],
])("an upload fails where %s is opened too far", async (_, id) => {
  const { origin } = await scripted((_stream, send) => send(windowUpdateFrame(id, 2 ** 31 - 1)).catch(() => {}));
  await expect(upload(origin, endless())).rejects.toMatchObject({
    code: expect.stringMatching(/^HPE_HTTP2_/) as string,
  });
});
