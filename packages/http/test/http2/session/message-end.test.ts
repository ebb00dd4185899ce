import { describe, expect, test } from "vitest";

import { fields } from "./events.ts";
import { put, section, server, type ServerUnderTest } from "../rules/under-test.ts";

const NOTHING = Buffer.alloc(0);

/** The frames of a stream: type, length of the content, END_STREAM. */
function framesOf(peer: ServerUnderTest, id: number): unknown[] {
  const frames = peer.frames.filter(({ streamId }) => streamId === id);
  return frames.map(({ type, body, endStream }) => [type, type === "DATA" ? body.length : "", endStream]);
}

/** A server that has received requests on streams 1 and 3. */
function asked() {
  const peer = server().send(section(1, put, true), section(3, put, true));
  const [one, other] = peer.recording.requests.map(({ stream }) => stream);
  return { peer, one: one!, other: other! };
}

describe("the end of a message", () => {
  test("is on its header section while that waits, whatever else was sent meanwhile", () => {
    const { peer, one, other } = asked();
    one.respond(200, fields("grpc-status", "5"));
    other.respond(200, fields());
    other.send(Buffer.alloc(100_000, "x"));
    one.send(NOTHING, true);
    expect(framesOf(peer, 1)).toEqual([["HEADERS", "", true]]);
    expect(peer.session.streamCount).toBe(1);
  });

  test.each([5, 5000])("is on its last content of %i octets while that waits", (length) => {
    const { peer, one } = asked();
    one.respond(200, fields());
    one.send(Buffer.alloc(length));
    one.sendTrailers(fields());
    expect(framesOf(peer, 1)).toEqual([
      ["HEADERS", "", false],
      ["DATA", length, true],
    ]);
  });

  test("is on a header section of several frames while that waits", () => {
    const { peer, one } = asked();
    one.respond(200, fields("x", "y".repeat(40_000)));
    one.send(NOTHING, true);
    expect(framesOf(peer, 1)).toEqual([
      ["HEADERS", "", true],
      ["CONTINUATION", "", false],
      ["CONTINUATION", "", false],
    ]);
  });

  test("is an empty DATA frame where all before it has been taken", () => {
    const { peer, one } = asked();
    one.respond(200, fields());
    expect(framesOf(peer, 1)).toEqual([["HEADERS", "", false]]);
    one.send(NOTHING, true);
    expect(framesOf(peer, 1)).toEqual([
      ["HEADERS", "", false],
      ["DATA", 0, true],
    ]);
  });
});
