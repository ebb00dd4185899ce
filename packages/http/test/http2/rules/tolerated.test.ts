import {
  dataFrame,
  encodeFields,
  encodeFrame,
  encodeIndex,
  encodeLiteral,
  errorCodes,
  frameFlags,
  frameTypes,
  headersFrame,
  priorityFrame,
  resetFrame,
  windowUpdateFrame,
} from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { also, client, instead, ok, put, section, server } from "./under-test.ts";

describe("a session ignores", () => {
  test.each<[what: string, rfcSection: string, ...frames: Uint8Array[]]>([
    ["PRIORITY on any stream", "5.3.2", priorityFrame(1), priorityFrame(99, { dependsOn: 99 })],
    ["frames of an unknown type", "5.5", encodeFrame({ type: 99, streamId: 1 }, Buffer.alloc(100))],
    ["PRIORITY_UPDATE", "7.1 of RFC 9218", encodeFrame({ type: 0x10 }, Buffer.from("\0\0\0\x01u=1"))],
    ["unknown settings", "6.5.2", encodeFrame({ type: frameTypes.SETTINGS }, Buffer.of(0xff, 0xff, 0, 0, 0, 1))],
    [
      "flags without a meaning",
      "4.1",
      encodeFrame({ type: frameTypes.WINDOW_UPDATE, flags: 0xff }, Buffer.of(0, 0, 0, 1)),
    ],
    ["the reserved bit", "4.1", encodeFrame({ type: frameTypes.WINDOW_UPDATE }, Buffer.of(0x80, 0, 0, 1))],
    [
      "an unsolicited answer to PING",
      "6.7",
      encodeFrame({ type: frameTypes.PING, flags: frameFlags.ACK }, Buffer.alloc(8)),
    ],
  ])("%s (section %s)", (_what, _section, ...frames) => {
    const asked = server().send(section(1, put), ...frames, dataFrame(1, "x", { endStream: true }));
    expect([asked.recording.requests[0]?.seen.ended, asked.alive]).toEqual([true, true]);
    const { peer, calls } = client();
    peer.send(...frames, section(1, ok), dataFrame(1, "x", { endStream: true }));
    expect([calls[0]!.seen.ended, peer.alive]).toEqual([true, true]);
  });

  test("priority and padding within HEADERS and DATA", () => {
    const { PADDED, PRIORITY, END_HEADERS } = frameFlags;
    const payload = Buffer.concat([Buffer.of(2, 0, 0, 0, 3, 16), encodeFields(put), Buffer.alloc(2)]);
    const headers = encodeFrame({ type: 1, flags: PADDED | PRIORITY | END_HEADERS, streamId: 1 }, payload);
    const peer = server().send(
      headers,
      dataFrame(1, "abc", { padding: 5 }),
      dataFrame(1, "", { padding: 255, endStream: true }),
    );
    expect(peer.recording.requests[0]?.seen).toMatchObject({ content: "abc", ended: true });
  });
});

describe("after a stream was reset here, frames that were in transit (RFC 9113 section 5.1)", () => {
  test("are ignored", () => {
    const peer = server().send(section(1, put));
    peer.recording.requests[0]!.stream.reset();
    peer.send(dataFrame(1, "x"), windowUpdateFrame(1, 1), section(1, [["x", "y"]], true), resetFrame(1));
    expect([peer.alive, peer.resetOf(1)]).toEqual([true, errorCodes.CANCEL]);
    expect(peer.recording.requests[0]!.seen.events).toEqual(["request"]);
  });

  test("count for the connection's window, and are returned to it", () => {
    const peer = server({ connectionWindow: 65_535 }).send(section(1, put));
    peer.recording.requests[0]!.stream.reset();
    for (let sent = 0; sent < 100; sent += 1) peer.send(dataFrame(1, Buffer.alloc(16_384)));
    const given = peer.framesOf("WINDOW_UPDATE").reduce((sum, { increment = 0 }) => sum + increment, 0);
    expect([peer.alive, given >= 100 * 16_384 - 65_535]).toEqual([true, true]);
  });

  test("change the table of HPACK", () => {
    const peer = server().send(section(1, put));
    peer.recording.requests[0]!.stream.reset();
    peer.send(headersFrame(1, encodeLiteral("x-a", "1", { indexed: true }), { endStream: true }));
    peer.send(headersFrame(3, Buffer.concat([encodeFields(put), encodeIndex(62)])));
    expect(peer.recording.requests[1]?.seen.request?.fields.raw).toEqual(["x-a", "1"]);
  });

  test("are ignored within the DATA frame in which its owner reset it", () => {
    const peer = server().send(section(1, put));
    const [{ stream, recording }] = peer.recording.requests as [(typeof peer.recording.requests)[0]];
    recording.onData = (): void => stream.reset();
    const frame = dataFrame(1, "0123456789", { endStream: true });
    for (const octet of frame) peer.send(Buffer.of(octet));
    expect([peer.alive, peer.session.streamCount]).toEqual([true, 0]);
  });
});

describe("after a stream has ended (RFC 9113 section 5.1)", () => {
  test("RST_STREAM and WINDOW_UPDATE that were in transit are ignored", () => {
    const peer = server().send(section(1, put, true));
    const [request] = peer.recording.requests;
    request!.stream.respond(200, request!.seen.request!.fields, { endStream: true });
    peer.send(windowUpdateFrame(1, 1), resetFrame(1, errorCodes.NO_ERROR));
    expect(peer.alive).toBe(true);
  });

  test("a reset without an error leaves the response as it is, though the request had not ended", () => {
    const { peer, calls } = client([{ method: "PUT", endStream: false }]);
    peer.send(section(1, ok, true), resetFrame(1, errorCodes.NO_ERROR));
    expect(calls[0]!.seen).toMatchObject({ ended: true, reset: { code: errorCodes.NO_ERROR, by: "peer" } });
    expect([peer.alive, peer.session.streamCount]).toEqual([true, 0]);
  });
});

test("requests may have a Host that names the same as :authority, and those of other schemes any path", () => {
  const peer = server();
  peer.send(section(1, also(put, ["host", "A.example:80"]), true));
  peer.send(
    section(
      3,
      [
        [":method", "OPTIONS"],
        [":scheme", "https"],
        [":path", "*"],
        ["host", "a.example"],
      ],
      true,
    ),
  );
  peer.send(
    section(
      5,
      [
        [":method", "GET"],
        [":scheme", "coap"],
        [":path", "a"],
      ],
      true,
    ),
  );
  peer.send(
    section(7, [
      [":method", "CONNECT"],
      [":authority", "a.example:443"],
    ]),
  );
  expect(peer.recording.requests.map(({ seen }) => seen.request?.authority)).toEqual([
    "a.example",
    undefined,
    undefined,
    "a.example:443",
  ]);
});

test("an extended CONNECT is a request with a protocol (RFC 8441)", () => {
  const peer = server({ enableConnectProtocol: true });
  expect(peer.framesOf("SETTINGS")[0]?.settings).toContainEqual([8, 1]);
  const connect = put.map(([name, value]) => [name, name === ":method" ? "CONNECT" : value] as const);
  peer.send(section(1, [[":protocol", "websocket"], ...connect]), dataFrame(1, "x"));
  expect(peer.recording.requests[0]?.seen).toMatchObject({
    content: "x",
    request: { method: "CONNECT", protocol: "websocket", path: "/", scheme: "http" },
  });
});

test.each(["TLS/1.2", "websocket, h2c"])(
  ":protocol %s is for the resource to refuse (RFC 9220 section 3)",
  (protocol) => {
    const peer = server({ enableConnectProtocol: true });
    peer.send(section(1, [[":protocol", protocol], ...instead(put, ":method", "CONNECT")]));
    expect(peer.recording.requests[0]?.seen.request).toMatchObject({ protocol });
  },
);

test("lines that may not be indexed are named, so that they are sent on in the same form (RFC 7541 section 6.2.3)", () => {
  const peer = server();
  const never = Buffer.concat([Buffer.of(0x10), encodeLiteral("x-key", "secret").subarray(1)]);
  peer.send(headersFrame(1, Buffer.concat([encodeFields(put), never]), { endStream: true }));
  expect(peer.recording.requests[0]?.seen.request?.neverIndexed).toEqual(["x-key"]);
});
