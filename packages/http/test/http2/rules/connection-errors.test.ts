import {
  connectionPreface,
  continuationFrame,
  dataFrame,
  encodeFields,
  encodeFrame,
  encodeIndex,
  errorCodes,
  frameFlags as flags,
  frameTypes,
  goawayFrame,
  headersFrame,
  pingFrame,
  priorityFrame,
  pushPromiseFrame,
  resetFrame,
  settingsAckFrame,
  windowUpdateFrame,
} from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { type Breach, breaches, client, newClient, newServer, ok, put, section, server } from "./under-test.ts";

const { PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED, FRAME_SIZE_ERROR, COMPRESSION_ERROR } = errorCodes;
const { ENHANCE_YOUR_CALM } = errorCodes;

const MAX = 2 ** 31 - 1;
const MAX_LENGTH = 2 ** 24 - 1;

function frame(type: keyof typeof frameTypes, streamId: number, payload: number | Buffer, bits = 0): Buffer {
  const body = typeof payload === "number" ? Buffer.alloc(payload) : payload;
  return encodeFrame({ type: frameTypes[type], flags: bits, streamId }, body);
}

function setting(id: number, value: number): Buffer {
  const payload = Buffer.alloc(6);
  payload.writeUInt16BE(id);
  payload.writeUInt32BE(value, 2);
  return frame("SETTINGS", 0, payload);
}

const padded = flags.PADDED | flags.END_HEADERS;
const request = section(1, put);
const begun = headersFrame(1, encodeFields(put), { endHeaders: false });

/** What neither side may do, where stream 1 is open and no other stream was used. */
const common: readonly Breach[] = [
  ["a frame larger than MAX_FRAME_SIZE", "4.2", FRAME_SIZE_ERROR, frame("DATA", 1, 16_385)],
  // By its header alone: none of it has come.
  [
    "DATA of 2^24 - 1 octets",
    "4.2",
    FRAME_SIZE_ERROR,
    encodeFrame({ type: frameTypes.DATA, streamId: 1, length: MAX_LENGTH }),
  ],
  [
    "HEADERS of 2^24 - 1 octets",
    "4.2",
    FRAME_SIZE_ERROR,
    encodeFrame({ type: frameTypes.HEADERS, streamId: 1, length: MAX_LENGTH }),
  ],
  [
    "SETTINGS of 2^24 - 1 octets",
    "4.2",
    FRAME_SIZE_ERROR,
    encodeFrame({ type: frameTypes.SETTINGS, length: MAX_LENGTH }),
  ],
  ["an unknown frame larger than MAX_FRAME_SIZE", "4.2", FRAME_SIZE_ERROR, encodeFrame({ type: 99, length: 99_999 })],
  ["a field block that cannot be decoded", "4.3", COMPRESSION_ERROR, headersFrame(1, encodeIndex(200))],
  ["DATA on an idle stream", "5.1", PROTOCOL_ERROR, dataFrame(99, "x")],
  ["RST_STREAM on an idle stream", "6.4", PROTOCOL_ERROR, resetFrame(99)],
  ["WINDOW_UPDATE on an idle stream", "5.1", PROTOCOL_ERROR, windowUpdateFrame(99, 1)],
  ["DATA on stream 0", "6.1", PROTOCOL_ERROR, dataFrame(0, "x")],
  ["DATA with padding as long as its payload", "6.1", PROTOCOL_ERROR, frame("DATA", 1, Buffer.of(3, 0, 0), padded)],
  ["padded DATA without the length of padding", "4.2", FRAME_SIZE_ERROR, frame("DATA", 1, 0, padded)],
  ["HEADERS on stream 0", "6.2", PROTOCOL_ERROR, headersFrame(0, encodeFields(put))],
  ["HEADERS with too much padding", "6.2", PROTOCOL_ERROR, frame("HEADERS", 1, Buffer.of(3, 0, 0), padded)],
  ["padded HEADERS without the length of padding", "4.2", FRAME_SIZE_ERROR, frame("HEADERS", 1, 0, padded)],
  ["HEADERS with half a priority", "4.2", FRAME_SIZE_ERROR, frame("HEADERS", 1, 4, flags.PRIORITY | flags.END_HEADERS)],
  ["PRIORITY on stream 0", "6.3", PROTOCOL_ERROR, priorityFrame(0)],
  ["RST_STREAM on stream 0", "6.4", PROTOCOL_ERROR, resetFrame(0)],
  ["RST_STREAM of five octets", "6.4", FRAME_SIZE_ERROR, frame("RST_STREAM", 1, 5)],
  ["SETTINGS on a stream", "6.5", PROTOCOL_ERROR, frame("SETTINGS", 1, 0)],
  ["SETTINGS of five octets", "6.5", FRAME_SIZE_ERROR, frame("SETTINGS", 0, 5)],
  ["an acknowledgement with a payload", "6.5", FRAME_SIZE_ERROR, frame("SETTINGS", 0, 6, flags.ACK)],
  ["ENABLE_PUSH of 2", "6.5.2", PROTOCOL_ERROR, setting(2, 2)],
  ["INITIAL_WINDOW_SIZE of 2^31", "6.5.2", FLOW_CONTROL_ERROR, setting(4, 2 ** 31)],
  ["MAX_FRAME_SIZE of 16,383", "6.5.2", PROTOCOL_ERROR, setting(5, 16_383)],
  ["MAX_FRAME_SIZE of 2^24", "6.5.2", PROTOCOL_ERROR, setting(5, 2 ** 24)],
  ["ENABLE_CONNECT_PROTOCOL of 2", "3 of RFC 8441", PROTOCOL_ERROR, setting(8, 2)],
  ["ENABLE_CONNECT_PROTOCOL taken back", "3 of RFC 8441", PROTOCOL_ERROR, setting(8, 1), setting(8, 0)],
  ["an acknowledgement of nothing", "6.5.3", PROTOCOL_ERROR, settingsAckFrame()],
  ["PING on a stream", "6.7", PROTOCOL_ERROR, frame("PING", 1, 8)],
  ["PING of seven octets", "6.7", FRAME_SIZE_ERROR, frame("PING", 0, 7)],
  ["GOAWAY on a stream", "6.8", PROTOCOL_ERROR, frame("GOAWAY", 1, 8)],
  ["GOAWAY of seven octets", "4.2", FRAME_SIZE_ERROR, frame("GOAWAY", 0, 7)],
  ["GOAWAY with a higher stream than before", "6.8", PROTOCOL_ERROR, goawayFrame(9), goawayFrame(11)],
  ["WINDOW_UPDATE of three octets", "6.9", FRAME_SIZE_ERROR, frame("WINDOW_UPDATE", 0, 3)],
  ["an increment of 0 for the connection", "6.9", PROTOCOL_ERROR, windowUpdateFrame(0, 0)],
  ["more than 2^31-1 for the connection", "6.9.1", FLOW_CONTROL_ERROR, windowUpdateFrame(0, MAX)],
  [
    "an initial window that overflows a stream's",
    "6.9.2",
    FLOW_CONTROL_ERROR,
    windowUpdateFrame(1, MAX - 65_535),
    setting(4, 65_536),
  ],
  ["CONTINUATION of nothing", "6.10", PROTOCOL_ERROR, continuationFrame(1, encodeFields(put))],
  ["CONTINUATION without END_HEADERS of nothing", "6.10", PROTOCOL_ERROR, continuationFrame(0, Buffer.alloc(0))],
  ["CONTINUATION of another stream's block", "6.10", PROTOCOL_ERROR, begun, continuationFrame(3, Buffer.alloc(0))],
  ["PING within a field block", "6.10", PROTOCOL_ERROR, begun, pingFrame()],
  ["DATA within a field block", "6.10", PROTOCOL_ERROR, begun, dataFrame(1, "x")],
  ["an unknown frame within a field block", "5.5", PROTOCOL_ERROR, begun, encodeFrame({ type: 99 })],
  ["a second preface", "4.2", FRAME_SIZE_ERROR, connectionPreface],
  [
    "a field block that never ends",
    "10.5",
    ENHANCE_YOUR_CALM,
    begun,
    ...Array.from({ length: 20 }, () => continuationFrame(1, Buffer.alloc(16_384), { endHeaders: false })),
  ],
  [
    "a field block of fragments without end",
    "10.5",
    ENHANCE_YOUR_CALM,
    begun,
    ...Array.from({ length: 200 }, () => continuationFrame(1, Buffer.alloc(0), { endHeaders: false })),
  ],
];

/** What a client may not do. */
const ofClients: readonly Breach[] = [
  ["a stream with an even identifier", "5.1.1", PROTOCOL_ERROR, section(2, put)],
  ["a stream below one that was opened", "5.1.1", PROTOCOL_ERROR, section(7, put), section(5, put)],
  ["DATA after END_STREAM", "5.1", STREAM_CLOSED, section(3, put, true), dataFrame(3, "x")],
  ["HEADERS after END_STREAM", "5.1", STREAM_CLOSED, section(3, put, true), section(3, [["x", "y"]], true)],
  ["DATA after RST_STREAM", "5.1", STREAM_CLOSED, section(3, put), resetFrame(3), dataFrame(3, "x")],
  ["HEADERS after RST_STREAM", "5.1", STREAM_CLOSED, section(3, put), resetFrame(3), section(3, put)],
  ["PUSH_PROMISE", "8.4", PROTOCOL_ERROR, pushPromiseFrame(1, 2, encodeFields(put))],
  ["PUSH_PROMISE on stream 0", "6.6", PROTOCOL_ERROR, pushPromiseFrame(0, 2, encodeFields(put))],
  ["PRIORITY of four octets on an idle stream", "6.3", FRAME_SIZE_ERROR, frame("PRIORITY", 9, 4)],
];

/** What a server may not do. */
const ofServers: readonly Breach[] = [
  ["a response to no request", "5.1", PROTOCOL_ERROR, section(99, ok)],
  ["a stream of its own", "5.1", PROTOCOL_ERROR, section(2, ok)],
  ["ENABLE_PUSH of 1", "6.5.2", PROTOCOL_ERROR, setting(2, 1)],
  ["PUSH_PROMISE, which was disabled", "6.6", PROTOCOL_ERROR, pushPromiseFrame(1, 2, encodeFields(put))],
  ["DATA after END_STREAM", "5.1", STREAM_CLOSED, section(1, ok, true), dataFrame(1, "x")],
  ["HEADERS after END_STREAM", "5.1", STREAM_CLOSED, section(1, ok, true), section(1, ok, true)],
];

describe("a server ends the connection at", () => {
  test.each(breaches([...common, ...ofClients]))("$what (section $section)", ({ code, frames }) => {
    const peer = server()
      .send(request)
      .send(...frames);
    expect(peer.goaway).toBe(code);
    expect(peer.recording.fault?.code).toBe(code);
    expect(peer.recording.requests[0]?.seen.reset).toMatchObject({ by: "connection", code });
    expect([peer.session.closed, peer.session.streamCount]).toEqual([true, 0]);
  });

  test.each(
    breaches([
      ["anything but the preface", "3.4", PROTOCOL_ERROR, Buffer.from("GET / HTTP/1.1\r\n\r\n")],
      ["anything but SETTINGS after the preface", "3.4", PROTOCOL_ERROR, connectionPreface, pingFrame()],
      ["an acknowledgement first", "3.4", PROTOCOL_ERROR, connectionPreface, settingsAckFrame()],
    ]),
  )("$what (section $section)", ({ code, frames }) => {
    const peer = newServer().send(...frames);
    expect([peer.goaway, peer.recording.fault?.code]).toEqual([code, code]);
  });
});

describe("a client ends the connection at", () => {
  test.each(breaches([...common, ...ofServers]))("$what (section $section)", ({ code, frames }) => {
    const { peer, calls } = client([{ method: "PUT", endStream: true }, {}]);
    peer.send(...frames);
    expect(peer.goaway).toBe(code);
    expect(peer.recording.fault?.code).toBe(code);
    expect(calls[1]!.seen.reset).toMatchObject({ by: "connection", code });
    expect([peer.session.closed, peer.session.streamCount]).toEqual([true, 0]);
  });

  test.each(
    breaches([
      ["a response in HTTP/1.1", "3.4", PROTOCOL_ERROR, Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")],
      ["anything but SETTINGS first", "3.4", PROTOCOL_ERROR, pingFrame()],
    ]),
  )("$what (section $section)", ({ code, frames }) => {
    const peer = newClient().send(...frames);
    expect([peer.goaway, peer.recording.fault?.code]).toEqual([code, code]);
  });
});

test("a client keeps its connection when a server sends content after its own RST_STREAM", () => {
  const { peer, calls } = client([{ method: "PUT", endStream: true }, {}]);
  peer.send(section(1, ok), resetFrame(1), dataFrame(1, "late"));
  expect(calls[0]!.seen.reset).toMatchObject({ by: "peer" });
  expect([peer.goaway, peer.session.closed, calls[1]!.seen.reset]).toEqual([undefined, false, undefined]);
});

test("content beyond the connection's window ends the connection (RFC 9113 section 6.9.1)", () => {
  const peer = server({ streamWindow: 1_000_000, connectionWindow: 65_535 }).send(request);
  peer.recording.requests[0]!.recording.consumes = false;
  for (let sent = 0; sent < 65_536; sent += 16_384) peer.send(dataFrame(1, Buffer.alloc(16_384)));
  expect(peer.goaway).toBe(FLOW_CONTROL_ERROR);
});

test("after its end a session neither receives nor sends", () => {
  const peer = server().send(request, dataFrame(0, "x"));
  const sent = peer.frames.length;
  const { stream } = peer.recording.requests[0]!;
  peer.send(section(3, put));
  stream.respond(200, peer.recording.requests[0]!.seen.request!.fields);
  stream.reset();
  peer.session.ping(Buffer.alloc(8));
  peer.session.shutdown();
  peer.session.close();
  expect(peer.frames).toHaveLength(sent);
  expect(peer.recording.requests).toHaveLength(1);
});
