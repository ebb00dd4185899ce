import { Http2Connection } from "@trailsum/http/inbound";
import {
  connectionPreface,
  dataFrame,
  encodeFields,
  errorCodes,
  fieldSection,
  type Http2Frame,
  pingFrame,
  requestFields,
  settingsAckFrame,
  settingsFrame,
  httpServer,
} from "@trailsum/testkit";
import { FrameReader } from "@trailsum/testkit/http2-frame-reader";
import { describe, expect, test, vi } from "vitest";

import { type Served, served } from "./served.ts";

const SECOND = 1_000;
const TIMEOUTS = { keepAlive: 60 * SECOND, head: 30 * SECOND, idle: 300 * SECOND, minRate: 0 };
const NOWHERE = "http://127.0.0.1:1";
const HIGHEST = 2 ** 31 - 1;

interface ServedHttp2 extends Served {
  /** All that has arrived; settles when `enough` is true of it. */
  readonly arrived: (enough: (frames: readonly Http2Frame[]) => boolean) => Promise<readonly Http2Frame[]>;
}

/** A connection of HTTP/2 whose client acknowledges nothing on its own. */
async function servedHttp2({ target = NOWHERE, timeouts = TIMEOUTS } = {}): Promise<ServedHttp2> {
  const connection = await served(timeouts, { target }, Http2Connection);
  const reader = new FrameReader();
  const frames: Http2Frame[] = [];
  connection.client.socket.on("data", (bytes: Buffer) => frames.push(...reader.read(bytes)));
  return {
    ...connection,
    async arrived(enough) {
      await expect.poll(() => enough(frames), { interval: 1 }).toBe(true);
      return frames;
    },
  };
}

/** The same after the handshake. */
async function opened(options?: Parameters<typeof servedHttp2>[0]): Promise<ServedHttp2> {
  const connection = await servedHttp2(options);
  await connection.send(Buffer.concat([connectionPreface, settingsFrame(), settingsAckFrame()]));
  return connection;
}

function goaways(frames: readonly Http2Frame[]): unknown[] {
  const found = frames.filter(({ type }) => type === "GOAWAY");
  return found.map(({ lastStreamId, errorCode }) => [lastStreamId, errorCode]);
}

const get = (id: number, fields: readonly (readonly [string, string])[] = []): Buffer =>
  fieldSection(id, encodeFields(requestFields("GET", "/", fields)), { endStream: true });

describe("a connection of HTTP/2 that is idle", () => {
  test("is kept for its time, and then ends when its client knows", async () => {
    const connection = await opened();
    expect(connection.look(59 * SECOND)).toBe(true);
    expect(connection.look(2 * SECOND)).toBe(true);
    const isPing = ({ type }: Http2Frame): boolean => type === "PING";
    const asked = (await connection.arrived((frames) => frames.some(isPing))).find(isPing);
    await connection.send(pingFrame(asked!.body, { ack: true }));
    expect(goaways(await connection.arrived((frames) => goaways(frames).length === 2))).toEqual([
      [HIGHEST, errorCodes.NO_ERROR],
      [0, errorCodes.NO_ERROR],
    ]);
    await connection.client.readToEnd();
    connection.client.end();
    await connection.client.closed;
  });

  test("ends without an acknowledgement, and is not waited for long", async () => {
    const connection = await opened();
    connection.look(61 * SECOND);
    expect(connection.look(2 * SECOND)).toBe(true);
    await connection.client.readToEnd();
    expect(goaways(await connection.arrived(() => true))).toHaveLength(2);
    expect(connection.look(2 * SECOND)).toBe(false);
  });

  test("serves a request that crosses its announcement", async () => {
    const origin = await httpServer((_request, response) => void response.end("ok"));
    const connection = await opened({ target: origin.origin });
    connection.look(61 * SECOND);
    await connection.send(get(1));
    const frames = await connection.arrived((some) => some.some(({ type, endStream }) => type === "DATA" && endStream));
    expect(goaways(frames)).toEqual([[HIGHEST, errorCodes.NO_ERROR]]);
    connection.look(2 * SECOND);
    expect(goaways(await connection.arrived((some) => goaways(some).length === 2))[1]).toEqual([
      1,
      errorCodes.NO_ERROR,
    ]);
    await connection.client.readToEnd();
  });

  test("is not kept by PING", async () => {
    const connection = await opened();
    for (let turn = 0; turn < 6; turn += 1) {
      expect(connection.look(11 * SECOND)).toBe(true);
      await connection.send(pingFrame());
    }
    expect(goaways(await connection.arrived((frames) => goaways(frames).length === 1))).toHaveLength(1);
  });
});

describe("a client of HTTP/2", () => {
  test.each([
    ["no preface", Buffer.alloc(0)],
    ["no SETTINGS", connectionPreface],
    ["no acknowledgement of SETTINGS", Buffer.concat([connectionPreface, settingsFrame()])],
  ])("that sends %s has as long for it as for a head", async (_what, bytes) => {
    const connection = await servedHttp2();
    await connection.send(bytes);
    expect(connection.look(29 * SECOND)).toBe(true);
    expect(connection.look(2 * SECOND)).toBe(true);
    expect(goaways(await connection.arrived((frames) => goaways(frames).length > 0))).toEqual([
      [0, errorCodes.SETTINGS_TIMEOUT],
    ]);
    await connection.client.readToEnd();
  });

  test("that takes nothing of its responses loses its connection, and one that takes some does not", async () => {
    const origin = await httpServer((_request, response) => void response.end(Buffer.alloc(16 * 1_048_576)));
    const connection = await servedHttp2({ target: origin.origin });
    const { client, socket } = connection;
    client.socket.pause();
    const windows = settingsFrame({ INITIAL_WINDOW_SIZE: 2 ** 31 - 1 });
    await connection.send(Buffer.concat([connectionPreface, windows, settingsAckFrame()]));
    await connection.send(Buffer.concat([get(1), windowUpdate()]));
    await stuck(socket);
    connection.look(1);
    expect(connection.look(299 * SECOND)).toBe(true);
    const before = socket.bytesWritten - socket.writableLength;
    client.socket.resume();
    await expect.poll(() => socket.bytesWritten - socket.writableLength, { interval: 1 }).toBeGreaterThan(before);
    client.socket.pause();
    await stuck(socket);
    expect(connection.look(299 * SECOND)).toBe(true);
    expect(connection.look(301 * SECOND)).toBe(false);
  });

  test("whose upload comes more slowly than is demanded has it reset", async () => {
    const arrived = Promise.withResolvers<void>();
    const origin = await httpServer((request) => {
      request.on("error", () => {}).once("data", () => arrived.resolve());
    });
    const connection = await opened({ target: origin.origin, timeouts: { ...TIMEOUTS, minRate: 100 } });
    await connection.send(fieldSection(1, encodeFields(requestFields("PUT", "/"))));
    await connection.send(dataFrame(1, "first"));
    await arrived.promise;
    connection.look(1);
    for (let second = 0; second < 9; second += 1) {
      await connection.send(dataFrame(1, "a".repeat(99)));
      expect(connection.look(SECOND)).toBe(true);
      expect(await connection.arrived(() => true)).not.toContainEqual(expect.objectContaining({ type: "RST_STREAM" }));
    }
    await connection.send(dataFrame(1, "a".repeat(99)));
    expect(connection.look(2 * SECOND)).toBe(true);
    const frames = await connection.arrived((some) => some.some(({ type }) => type === "RST_STREAM"));
    const reset = frames.find(({ type }) => type === "RST_STREAM");
    expect([reset?.streamId, reset?.errorCode]).toEqual([1, errorCodes.CANCEL]);
  });

  test("that broke a rule is informed, though it keeps sending", async () => {
    const connection = await opened();
    await connection.send(dataFrame(0, "x"));
    for (let turn = 0; turn < 20; turn += 1) await connection.send(Buffer.alloc(100_000));
    await connection.client.readToEnd();
    expect(connection.client.error).toBeUndefined();
    expect(goaways(await connection.arrived(() => true))).toEqual([[0, errorCodes.PROTOCOL_ERROR]]);
    connection.look(1);
    expect(connection.look(SECOND / 2)).toBe(true);
    expect(connection.look(SECOND)).toBe(false);
  });

  test.each([
    ["lines", Array.from({ length: 1001 }, () => ["x", "y"] as const)],
    ["octets", [["x", "y".repeat(16_384)] as const]],
  ])(
    "that sends more %s in a header than HTTP/1.1 allows has that request reset, and others go on",
    async (_, many) => {
      const origin = await httpServer((_request, response) => void response.end("ok"));
      const connection = await opened({ target: origin.origin });
      await connection.send(Buffer.concat([get(1, many), get(3)]));
      const frames = await connection.arrived((some) =>
        some.some(({ type, endStream }) => type === "DATA" && endStream),
      );
      const reset = frames.find(({ type }) => type === "RST_STREAM");
      expect([reset?.streamId, reset?.errorCode]).toEqual([1, errorCodes.ENHANCE_YOUR_CALM]);
      expect(connection.records).toHaveLength(1);
    },
  );
});

test("a small response leaves in one write: head, content and trailers", async () => {
  const origin = await httpServer((_request, response) => {
    response.writeHead(200, { trailer: "x-sum" }).write("content");
    response.addTrailers({ "x-sum": "7" });
    response.end();
  });
  const connection = await opened({ target: origin.origin });
  const write = vi.spyOn(connection.socket, "write");
  await connection.send(get(1));
  const frames = await connection.arrived((some) => some.some(({ endStream }) => endStream));
  expect(frames.filter(({ streamId }) => streamId === 1).map(({ type }) => type)).toEqual([
    "HEADERS",
    "DATA",
    "HEADERS",
  ]);
  expect(write).toHaveBeenCalledOnce();
});

/** Opens the window of the connection. */
function windowUpdate(): Buffer {
  const frame = Buffer.from([0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  frame.writeUInt32BE(2 ** 31 - 65_536, 9);
  return frame;
}

/** Waits until the proxy can send no more to its client. */
async function stuck(socket: Served["socket"]): Promise<void> {
  let [last, turns] = [-1, 0];
  await expect
    .poll(
      () => {
        const { writableLength, bytesWritten } = socket;
        turns = bytesWritten === last && writableLength > 0 ? turns + 1 : 0;
        last = bytesWritten;
        return turns;
      },
      { interval: 5 },
    )
    .toBeGreaterThan(10);
}
