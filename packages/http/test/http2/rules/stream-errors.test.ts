import { dataFrame, encodeFrame, errorCodes, type FieldPairs, windowUpdateFrame } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { also, breaches, client, instead, ok, put, section, server, without } from "./under-test.ts";

const { PROTOCOL_ERROR, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, ENHANCE_YOUR_CALM, REFUSED_STREAM } = errorCodes;

type FieldRow = readonly [what: string, rfcSection: string, fields: FieldPairs];

/** Lines that make a section malformed, in a header and in trailers. */
const badFields: readonly FieldRow[] = [
  ["an empty name", "8.2.1", [["", "x"]]],
  ["a name in upper case", "8.2.1", [["X-A", "x"]]],
  ["a name with a space", "8.2.1", [["x a", "x"]]],
  ["a name with a colon", "8.2.1", [["x:a", "x"]]],
  ["a name with a line break", "8.2.1", [["x\r\na", "x"]]],
  ["a name with NUL", "8.2.1", [["x\0", "x"]]],
  ["a name beyond ASCII", "8.2.1", [["x\xe4", "x"]]],
  ["a value with NUL", "8.2.1", [["x", "a\0b"]]],
  ["a value with LF", "8.2.1", [["x", "a\nb"]]],
  ["a value with CR", "8.2.1", [["x", "a\rb"]]],
  ["a value that begins with a space", "8.2.1", [["x", " a"]]],
  ["a value that ends in a tab", "8.2.1", [["x", "a\t"]]],
  ["a value with another control character", "5.5 of RFC 9110", [["x", "a\x01b"]]],
  ["Connection", "8.2.2", [["connection", "x"]]],
  ["Proxy-Connection", "8.2.2", [["proxy-connection", "x"]]],
  ["Keep-Alive", "8.2.2", [["keep-alive", "timeout=1"]]],
  ["Transfer-Encoding", "8.2.2", [["transfer-encoding", "chunked"]]],
  ["Upgrade", "8.2.2", [["upgrade", "websocket"]]],
  ["TE other than trailers", "8.2.2", [["te", "trailers, gzip"]]],
  ["an undefined pseudo-header field", "8.3", [[":other", "x"]]],
  [
    "a pseudo-header field after others",
    "8.3",
    [
      ["x", "y"],
      [":path", "/"],
    ],
  ],
];

/** Control data and framing fields that no request may have. */
const badRequests: readonly (readonly [what: string, rfcSection: string, fields: FieldPairs])[] = [
  ["no :method", "8.3.1", without(put, ":method")],
  ["no :scheme", "8.3.1", without(put, ":scheme")],
  ["no :path", "8.3.1", without(put, ":path")],
  ["two :method", "8.3", [[":method", "PUT"], ...put]],
  ["two :path", "8.3", [[":path", "/"], ...put]],
  ["two :authority", "8.3", [[":authority", "a.example"], ...put]],
  [":status", "8.3", [[":status", "200"], ...put]],
  ["a :method that is not a token", "8.3.1", instead(put, ":method", "PUT / HTTP/1.1")],
  ["an empty :path", "8.3.1", instead(put, ":path", "")],
  ["a :path without a slash", "8.3.1", instead(put, ":path", "a")],
  ["a :path of * for PUT", "8.3.1", instead(put, ":path", "*")],
  ["a :path with a space", "8.3.1", instead(put, ":path", "/a b")],
  ["a :path with a line break", "8.3.1", instead(put, ":path", "/\r\nx: y")],
  ["a :path with a fragment", "8.3.1", instead(put, ":path", "/#a")],
  ["a :path that is a URI", "8.3.1", instead(put, ":path", "http://a.example/")],
  ["an invalid :scheme", "8.3.1", instead(put, ":scheme", "http://a/?")],
  ["an :authority with user information", "8.3.1", instead(put, ":authority", "user@a.example")],
  ["an :authority with a path", "8.3.1", instead(put, ":authority", "a.example/x")],
  ["an :authority with a space", "8.3.1", instead(put, ":authority", "a b")],
  ["an empty :authority", "8.3.1", instead(put, ":authority", "")],
  ["neither :authority nor Host", "8.3.1", without(put, ":authority")],
  ["Host that differs from :authority", "8.3.1", also(put, ["host", "b.example"])],
  ["Host with another port than :authority", "8.3.1", also(put, ["host", "a.example:81"])],
  ["two Host", "3.2 of RFC 9112", also(put, ["host", "a.example"], ["host", "a.example"])],
  ["CONNECT with :path", "8.5", instead(without(put, ":scheme"), ":method", "CONNECT")],
  ["CONNECT with :scheme", "8.5", instead(without(put, ":path"), ":method", "CONNECT")],
  ["CONNECT without :authority", "8.5", [[":method", "CONNECT"]]],
  [":protocol without CONNECT", "4 of RFC 8441", [[":protocol", "websocket"], ...put]],
  [
    ":protocol though it was not enabled",
    "4 of RFC 8441",
    [[":protocol", "websocket"], ...instead(put, ":method", "CONNECT")],
  ],
  ["two Content-Length", "8.6 of RFC 9110", also(put, ["content-length", "3"], ["content-length", "3"])],
  ["Content-Length as a list", "8.6 of RFC 9110", also(put, ["content-length", "3, 3"])],
  ["Content-Length with a sign", "8.6 of RFC 9110", also(put, ["content-length", "+3"])],
  ["Content-Length that cannot be counted", "8.6 of RFC 9110", also(put, ["content-length", "9".repeat(17)])],
];

const badResponses: readonly (readonly [what: string, rfcSection: string, fields: FieldPairs])[] = [
  ["no :status", "8.3.2", [["x", "y"]]],
  ["nothing", "8.3.2", []],
  ["two :status", "8.3", [...ok, ...ok]],
  [":path", "8.3", [...ok, [":path", "/"]]],
  ["a :status of two digits", "8.3.2", [[":status", "20"]]],
  ["a :status of four digits", "8.3.2", [[":status", "2000"]]],
  ["a :status below 100", "15 of RFC 9110", [[":status", "099"]]],
  ["a :status with a line break", "8.3.2", [[":status", "200\r\n"]]],
  ["the status 101", "8.6", [[":status", "101"]]],
  ["two Content-Length", "8.6 of RFC 9110", also(ok, ["content-length", "3"], ["content-length", "3"])],
];

describe("a server resets the stream, and nothing else, of a request with", () => {
  test.each([...badRequests, ...badFields.map(([what, rfc, fields]) => [what, rfc, also(put, ...fields)] as const)])(
    "%s (section %s)",
    (_what, _section, fields) => {
      const peer = server().send(section(1, fields), dataFrame(1, "x", { endStream: true }), section(3, put, true));
      expect(peer.resetOf(1)).toBe(PROTOCOL_ERROR);
      // The application never hears of it.
      expect(peer.recording.requests.map(({ stream }) => stream.id)).toEqual([3]);
      expect(peer.alive).toBe(true);
    },
  );

  test.each([
    ...badFields,
    ["Content-Length", "6.5.1 of RFC 9110", [["content-length", "1"]]] as const,
    ["a pseudo-header field", "8.1", [[":method", "GET"]]] as const,
  ])("%s in its trailers (section %s)", (_what, _section, fields) => {
    const peer = server().send(section(1, put), dataFrame(1, "x"), section(1, fields, true), section(3, put, true));
    expect(peer.resetOf(1)).toBe(PROTOCOL_ERROR);
    expect(peer.recording.requests[0]?.seen).toMatchObject({
      ended: false,
      reset: { code: PROTOCOL_ERROR, by: "session" },
    });
    expect(peer.recording.requests).toHaveLength(2);
    expect(peer.alive).toBe(true);
  });

  test.each(
    breaches([
      ["trailers without END_STREAM", "8.1", PROTOCOL_ERROR, section(1, [["x", "y"]])],
      ["more content than announced", "8.1.1", PROTOCOL_ERROR, dataFrame(1, "1234")],
      ["less content than announced", "8.1.1", PROTOCOL_ERROR, dataFrame(1, "12", { endStream: true })],
      ["less content than announced, and trailers", "8.1.1", PROTOCOL_ERROR, section(1, [["x", "y"]], true)],
      ["an increment of 0", "6.9", PROTOCOL_ERROR, windowUpdateFrame(1, 0)],
      ["a window of more than 2^31-1", "6.9.1", FLOW_CONTROL_ERROR, windowUpdateFrame(1, 2 ** 31 - 1)],
      ["PRIORITY of four octets", "6.3", FRAME_SIZE_ERROR, encodeFrame({ type: 2, streamId: 1 }, Buffer.alloc(4))],
      [
        "too large trailers",
        "10.5.1",
        ENHANCE_YOUR_CALM,
        section(
          1,
          [
            ["x", "y".repeat(60_000)],
            ["x", "y".repeat(9_000)],
          ],
          true,
        ),
      ],
    ]),
  )("$what (section $section)", ({ code, frames }) => {
    const peer = server().send(section(1, also(put, ["content-length", "3"])), ...frames, section(3, put, true));
    expect(peer.resetOf(1)).toBe(code);
    expect(peer.recording.requests[0]?.seen).toMatchObject({ ended: false, reset: { code, by: "session" } });
    expect(peer.recording.requests).toHaveLength(2);
    expect(peer.alive).toBe(true);
  });

  test("Content-Length and no content (RFC 9113 section 8.1.1)", () => {
    const peer = server().send(section(1, also(put, ["content-length", "3"]), true));
    expect(peer.resetOf(1)).toBe(PROTOCOL_ERROR);
    expect(peer.recording.requests).toEqual([]);
  });

  test("a header that is too large (RFC 9113 section 10.5.1)", () => {
    const lines = Array.from({ length: 3000 }, (_, index) => [`x-${index}`, ""] as const);
    const peer = server().send(section(1, also(put, ...lines), true));
    expect(peer.resetOf(1)).toBe(ENHANCE_YOUR_CALM);
    expect([peer.recording.requests.length, peer.alive]).toEqual([0, true]);
  });

  test("more content than its window allows (RFC 9113 section 6.9.1)", () => {
    const peer = server({ streamWindow: 100 }).send(section(1, put));
    peer.send(dataFrame(1, Buffer.alloc(101)));
    expect([peer.resetOf(1), peer.alive]).toEqual([FLOW_CONTROL_ERROR, true]);
  });

  test("more streams than may be open (RFC 9113 section 5.1.2)", () => {
    const peer = server({ maxConcurrentStreams: 1 }).send(section(1, put), section(3, put), section(5, put, true));
    expect([peer.resetOf(1), peer.resetOf(3), peer.resetOf(5)]).toEqual([undefined, REFUSED_STREAM, REFUSED_STREAM]);
    peer.recording.requests[0]!.stream.reset();
    expect(peer.send(section(7, put)).recording.requests).toHaveLength(2);
  });
});

describe("a client resets the stream, and nothing else, of a response with", () => {
  test.each([...badResponses, ...badFields.map(([what, rfc, fields]) => [what, rfc, also(ok, ...fields)] as const)])(
    "%s (section %s)",
    (_what, _section, fields) => {
      const { peer, calls } = client([{}, {}]);
      peer.send(section(1, fields), dataFrame(1, "x", { endStream: true }), section(3, ok, true));
      expect(peer.resetOf(1)).toBe(PROTOCOL_ERROR);
      expect(calls[0]!.seen).toMatchObject({
        events: [`reset ${PROTOCOL_ERROR} by session`],
        ended: false,
      });
      expect(calls[1]!.seen.ended).toBe(true);
      expect(peer.alive).toBe(true);
    },
  );

  test.each(badFields)("%s in its trailers (section %s)", (_what, _section, fields) => {
    const { peer, calls } = client();
    peer.send(section(1, ok), dataFrame(1, "x"), section(1, fields, true));
    expect(peer.resetOf(1)).toBe(PROTOCOL_ERROR);
    expect(calls[0]!.seen).toMatchObject({ ended: false, reset: { by: "session" } });
    expect(peer.alive).toBe(true);
  });

  test.each(
    breaches([
      ["content before its header", "8.1", PROTOCOL_ERROR, dataFrame(1, "x")],
      ["an end before its header", "8.1", PROTOCOL_ERROR, dataFrame(1, "", { endStream: true })],
      ["an interim response at its end", "8.1", PROTOCOL_ERROR, section(1, [[":status", "103"]], true)],
      ["trailers without END_STREAM", "8.1", PROTOCOL_ERROR, section(1, ok), section(1, [["x", "y"]])],
      [
        "more content than announced",
        "8.1.1",
        PROTOCOL_ERROR,
        section(1, also(ok, ["content-length", "3"])),
        dataFrame(1, "1234"),
      ],
      [
        "less content than announced",
        "8.1.1",
        PROTOCOL_ERROR,
        section(1, also(ok, ["content-length", "3"])),
        dataFrame(1, "12", { endStream: true }),
      ],
      [
        "no content though it was announced",
        "8.1.1",
        PROTOCOL_ERROR,
        section(1, also(ok, ["content-length", "3"]), true),
      ],
      ["content of 204", "6.4.1 of RFC 9110", PROTOCOL_ERROR, section(1, [[":status", "204"]]), dataFrame(1, "x")],
      ["content of 304", "6.4.1 of RFC 9110", PROTOCOL_ERROR, section(1, [[":status", "304"]]), dataFrame(1, "x")],
      [
        "interim responses without end",
        "10.5",
        ENHANCE_YOUR_CALM,
        ...Array.from({ length: 1001 }, () => section(1, [[":status", "103"]])),
      ],
    ]),
  )("$what (section $section)", ({ code, frames }) => {
    const { peer, calls } = client([{}, {}]);
    peer.send(...frames, section(3, ok, true));
    expect(peer.resetOf(1)).toBe(code);
    expect(calls[0]!.seen).toMatchObject({ ended: false, reset: { code, by: "session" } });
    expect(calls[1]!.seen.ended).toBe(true);
    expect(peer.alive).toBe(true);
  });

  test("content of a response to HEAD (RFC 9110 section 6.4.1)", () => {
    const { peer, calls } = client([{ method: "HEAD" }]);
    peer.send(section(1, also(ok, ["content-length", "3"])), dataFrame(1, "123", { endStream: true }));
    expect(calls[0]!.seen.reset).toMatchObject({ code: PROTOCOL_ERROR });
  });
});

describe("a response that has no content may announce some (RFC 9113 section 8.1.1)", () => {
  test.each([
    ["to HEAD", "HEAD", "200"],
    ["with 304", "GET", "304"],
    ["with 204", "GET", "204"],
  ])("%s", (_what, method, status) => {
    const { peer, calls } = client([{ method }, { method }]);
    const head: FieldPairs = [
      [":status", status],
      ["content-length", "1000"],
    ];
    peer.send(section(1, head, true), section(3, head), dataFrame(3, "", { endStream: true }));
    expect(calls.map(({ seen }) => seen.ended)).toEqual([true, true]);
  });
});

test("a reset stream has returned what it held of the connection's window", () => {
  const options = { streamWindow: 65_535, connectionWindow: 65_535 };
  const peer = server(options);
  // Each is reset because of its content, which no one has consumed.
  for (let id = 1; id < 100; id += 2) {
    peer.send(section(id, also(put, ["content-length", "16384"])), dataFrame(id, Buffer.alloc(16_384)));
    peer.recording.requests.at(-1)!.recording.consumes = false;
    peer.send(dataFrame(id, "x"));
    expect(peer.resetOf(id)).toBe(PROTOCOL_ERROR);
  }
  expect(peer.alive).toBe(true);
});
