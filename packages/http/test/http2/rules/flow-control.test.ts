import { dataFrame, resetFrame, settingsAckFrame, settingsFrame, windowUpdateFrame } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { fields } from "../session/events.ts";
import { put, section, server, type ServerUnderTest } from "./under-test.ts";

function contentOf(peer: ServerUnderTest, streamId: number): number {
  return peer
    .framesOf("DATA")
    .filter((frame) => frame.streamId === streamId)
    .reduce((sum, { body }) => sum + body.length, 0);
}

/** Streams 1, 3, ... that have been answered with a header section. */
function answered(peer: ServerUnderTest, count: number) {
  for (let index = 0; index < count; index += 1) peer.send(section(index * 2 + 1, put));
  for (const { stream } of peer.recording.requests) stream.respond(200, fields());
  return peer.recording.requests;
}

describe("content that is sent", () => {
  test("is taken up to the stream's window, and the rest after an update", () => {
    const peer = server().send(settingsFrame({ INITIAL_WINDOW_SIZE: 10 }));
    const [{ stream, recording }] = answered(peer, 1) as [ReturnType<typeof answered>[0]];
    let writable = 0;
    recording.onWritable = (): void => void (writable += 1);
    expect([stream.sendable, stream.send(Buffer.alloc(25), true)]).toEqual([10, 10]);
    expect([contentOf(peer, 1), stream.sendable, writable]).toEqual([10, 0, 0]);
    peer.send(windowUpdateFrame(1, 20));
    expect([stream.sendable, writable]).toEqual([20, 1]);
    // Only once: it has been reported.
    peer.send(windowUpdateFrame(1, 20));
    expect(writable).toBe(1);
    expect(stream.send(Buffer.alloc(15), true)).toBe(15);
    expect(peer.framesOf("DATA").map(({ body, endStream }) => [body.length, endStream])).toEqual([
      [10, false],
      [15, true],
    ]);
  });

  test("is taken up to the connection's window, which the streams share", () => {
    const peer = server().send(settingsFrame({ INITIAL_WINDOW_SIZE: 1_000_000 }));
    const requests = answered(peer, 3);
    for (const { recording } of requests) recording.sendAll(Buffer.alloc(300_000), { endStream: true });
    expect([contentOf(peer, 1), contentOf(peer, 3), contentOf(peer, 5)]).toEqual([65_535, 0, 0]);
    peer.send(windowUpdateFrame(0, 300_000));
    // Each has its share of the room that there is.
    expect([contentOf(peer, 1) > 100_000, contentOf(peer, 3) > 50_000, contentOf(peer, 5) > 50_000]).toEqual([
      true,
      true,
      true,
    ]);
    peer.send(windowUpdateFrame(0, 1_000_000));
    expect([contentOf(peer, 1), contentOf(peer, 3), contentOf(peer, 5)]).toEqual([300_000, 300_000, 300_000]);
    expect(peer.session.streamCount).toBe(3);
  });

  test("is never queued beyond the output limit", () => {
    const peer = server({ outputLimit: 100_000 });
    peer.send(settingsFrame({ INITIAL_WINDOW_SIZE: 2 ** 31 - 1 }), windowUpdateFrame(0, 2 ** 31 - 65_536));
    const [{ stream, recording }] = answered(peer, 1) as [ReturnType<typeof answered>[0]];
    recording.sendAll(Buffer.alloc(10_000_000), { endStream: true });
    expect(stream.sendable).toBe(0);
    let sent = 0;
    for (let turn = 0; turn < 200 && sent < 10_000_000; turn += 1) {
      expect(peer.session.outputLength).toBeLessThan(101_000);
      sent += peer.session.takeOutput().reduce((sum, { length }) => sum + length, 0);
    }
    expect(sent).toBeGreaterThan(10_000_000);
  });

  test("is dropped when its stream is reset, and returns the connection's window", () => {
    const peer = server().send(settingsFrame({ INITIAL_WINDOW_SIZE: 1_000_000 }), windowUpdateFrame(0, 34_465));
    const requests = answered(peer, 2);
    const before = peer.frames.length;
    expect(requests[0]!.stream.send(Buffer.alloc(100_000))).toBe(100_000);
    expect(requests[1]!.stream.sendable).toBe(0);
    requests[0]!.stream.reset();
    expect(requests[1]!.stream.sendable).toBe(100_000);
    expect(peer.frames.slice(before).map(({ type }) => type)).toEqual(["RST_STREAM"]);
  });

  test("of other streams continues when dropped content returns the connection's window", () => {
    const peer = server().send(settingsFrame({ INITIAL_WINDOW_SIZE: 1_000_000 }));
    const requests = answered(peer, 2);
    requests[0]!.stream.send(Buffer.alloc(65_535));
    requests[1]!.recording.sendAll(Buffer.alloc(50_000), { endStream: true });
    peer.send(resetFrame(1));
    expect([contentOf(peer, 1), contentOf(peer, 3)]).toEqual([0, 50_000]);
  });

  test("waits while a smaller initial window makes a stream's negative (section 6.9.2)", () => {
    const peer = server().send(settingsFrame({ INITIAL_WINDOW_SIZE: 100 }));
    const [{ stream }] = answered(peer, 1) as [ReturnType<typeof answered>[0]];
    expect(stream.send(Buffer.alloc(80))).toBe(80);
    peer.send(settingsFrame({ INITIAL_WINDOW_SIZE: 50 }));
    expect(stream.sendable).toBe(0);
    peer.send(windowUpdateFrame(1, 30));
    expect(stream.sendable).toBe(0);
    peer.send(settingsFrame({ INITIAL_WINDOW_SIZE: 51 }));
    expect(stream.sendable).toBe(1);
  });

  test("is cut into frames as large as the client accepts", () => {
    const peer = server().send(settingsFrame({ MAX_FRAME_SIZE: 20_000 }));
    const [{ stream }] = answered(peer, 1) as [ReturnType<typeof answered>[0]];
    stream.send(Buffer.alloc(50_000));
    expect(peer.framesOf("DATA").map(({ body }) => body.length)).toEqual([20_000, 20_000, 10_000]);
  });
});

describe("content that is received", () => {
  test("returns to the window when half of it has been consumed", () => {
    const peer = server({ streamWindow: 1000, connectionWindow: 65_535 }).send(section(1, put));
    const [{ stream, recording }] = peer.recording.requests as [(typeof peer.recording.requests)[0]];
    recording.consumes = false;
    peer.send(dataFrame(1, Buffer.alloc(700)));
    stream.consume(499);
    expect(peer.framesOf("WINDOW_UPDATE")).toEqual([]);
    stream.consume(1);
    expect(peer.framesOf("WINDOW_UPDATE").map(({ streamId, increment }) => [streamId, increment])).toEqual([[1, 500]]);
  });

  test("returns to the window with its padding", () => {
    const peer = server({ streamWindow: 1000, connectionWindow: 65_535 }).send(section(1, put));
    for (let sent = 0; sent < 100; sent += 1) peer.send(dataFrame(1, "x", { padding: 255 }));
    const given = peer.framesOf("WINDOW_UPDATE").filter(({ streamId }) => streamId === 1);
    expect(given.reduce((sum, { increment = 0 }) => sum + increment, 0)).toBeGreaterThan(100 * 257 - 1000);
  });

  test("holds the connection's window until consumed, even after the stream has ended", () => {
    const peer = server({ connectionWindow: 65_535 }).send(section(1, put));
    const [{ stream, recording }] = peer.recording.requests as [(typeof peer.recording.requests)[0]];
    recording.consumes = false;
    for (let sent = 0; sent < 3; sent += 1) peer.send(dataFrame(1, Buffer.alloc(16_384)));
    peer.send(dataFrame(1, "", { endStream: true }));
    stream.respond(204, fields(), { endStream: true });
    expect(peer.session.streamCount).toBe(0);
    expect(peer.framesOf("WINDOW_UPDATE")).toEqual([]);
    stream.consume(49_152);
    expect(peer.framesOf("WINDOW_UPDATE")).toMatchObject([{ streamId: 0, increment: 49_152 }]);
  });
});

describe("settings of this side", () => {
  test("restrict the peer when it has acknowledged them", () => {
    const peer = server({ streamWindow: 1000 }).send(section(1, put));
    peer.session.updateSettings({ initialWindowSize: 10 });
    peer.send(dataFrame(1, Buffer.alloc(900)));
    expect([peer.alive, peer.session.settingsAcknowledged]).toEqual([true, false]);
    peer.send(settingsAckFrame());
    expect(peer.session.settingsAcknowledged).toBe(true);
    peer.send(section(3, put), dataFrame(3, Buffer.alloc(11)));
    expect([peer.resetOf(1), peer.resetOf(3)]).toEqual([undefined, 3]);
  });

  test("grant more at once", () => {
    const peer = server({ streamWindow: 10 }).send(section(1, put));
    peer.session.updateSettings({ initialWindowSize: 1000 });
    peer.send(dataFrame(1, Buffer.alloc(900)));
    expect([peer.resetOf(1), peer.alive]).toEqual([undefined, true]);
  });

  test("are the first frame, and those of the peer are acknowledged", () => {
    const peer = server({ streamWindow: 1000, maxConcurrentStreams: 7, maxHeaderListSize: 9999 });
    const [first, ...others] = peer.frames;
    expect([first?.type, Object.fromEntries(first?.settings ?? [])]).toEqual([
      "SETTINGS",
      { 1: 4096, 3: 7, 4: 1000, 6: 9999 },
    ]);
    expect(others.map(({ type, ack }) => [type, ack])).toEqual([
      ["WINDOW_UPDATE", false],
      ["SETTINGS", true],
    ]);
  });
});
