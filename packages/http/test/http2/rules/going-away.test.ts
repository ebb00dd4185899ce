import { dataFrame, errorCodes, goawayFrame, pingFrame } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { ask, fields } from "../session/events.ts";
import { client, ok, put, section, server, type ServerUnderTest } from "./under-test.ts";

const { NO_ERROR, REFUSED_STREAM, ENHANCE_YOUR_CALM, CANCEL, INTERNAL_ERROR } = errorCodes;

function goaways(peer: ServerUnderTest): unknown[] {
  return peer.framesOf("GOAWAY").map(({ lastStreamId, errorCode }) => [lastStreamId, errorCode]);
}

/** Answers the PING with which a server learns that the client knows. */
function acknowledge(peer: ServerUnderTest): void {
  const asked = peer.framesOf("PING").findLast(({ ack }) => !ack);
  peer.send(pingFrame(asked!.body, { ack: true }));
}

describe("a server that shuts down (RFC 9113 section 6.8)", () => {
  test("serves requests that cross its first GOAWAY, and names the last stream in the second", () => {
    const peer = server().send(section(1, put, true));
    peer.session.shutdown();
    expect(goaways(peer)).toEqual([[2 ** 31 - 1, NO_ERROR]]);
    peer.send(section(3, put, true));
    acknowledge(peer);
    expect(goaways(peer)).toEqual([
      [2 ** 31 - 1, NO_ERROR],
      [3, NO_ERROR],
    ]);
    for (const { stream } of peer.recording.requests) {
      expect(peer.recording.closed).toBe(false);
      stream.respond(200, fields(), { endStream: true });
    }
    expect([peer.recording.closed, peer.recording.fault, peer.session.closed]).toEqual([true, undefined, true]);
  });

  test("ignores streams above the last one, and still reads those below", () => {
    const peer = server().send(section(1, put));
    peer.session.shutdown();
    acknowledge(peer);
    peer.send(section(3, put), dataFrame(3, "x"), dataFrame(1, "y", { endStream: true }));
    expect(peer.recording.requests.map(({ seen }) => seen.content)).toEqual(["y"]);
    expect([peer.resetOf(3), peer.alive]).toEqual([undefined, true]);
  });

  test("ends at once if no stream is open", () => {
    const peer = server();
    peer.session.shutdown();
    acknowledge(peer);
    expect([goaways(peer).length, peer.recording.closed]).toEqual([2, true]);
  });

  test("names the last stream without an acknowledgement when it is sent again", () => {
    const peer = server().send(section(1, put));
    peer.session.shutdown();
    peer.session.shutdown();
    peer.session.shutdown();
    expect(goaways(peer).map((goaway) => (goaway as number[])[0])).toEqual([2 ** 31 - 1, 1]);
    acknowledge(peer);
    peer.recording.requests[0]!.stream.respond(200, fields(), { endStream: true });
    peer.send(dataFrame(1, "x", { endStream: true }));
    expect([peer.recording.closed, goaways(peer).length]).toEqual([true, 2]);
  });

  test("never names a higher stream than before", () => {
    const peer = server().send(section(1, put));
    peer.session.shutdown();
    acknowledge(peer);
    peer.send(section(3, put), dataFrame(0, "x"));
    expect(goaways(peer).map((goaway) => (goaway as number[])[0])).toEqual([2 ** 31 - 1, 1, 1]);
  });
});

describe("a session that is closed", () => {
  test("sends the reason, and aborts open streams", () => {
    const peer = server().send(section(1, put));
    peer.session.close(ENHANCE_YOUR_CALM, "no time");
    expect(goaways(peer)).toEqual([[1, ENHANCE_YOUR_CALM]]);
    expect(peer.framesOf("GOAWAY")[0]?.body.toString()).toBe("no time");
    expect(peer.recording.requests[0]?.seen.reset).toMatchObject({ by: "connection", code: ENHANCE_YOUR_CALM });
    expect(peer.recording).toMatchObject({ closed: true, closedStreams: 1 });
  });

  test("sends nothing after the transport has closed", () => {
    const peer = server().send(section(1, put));
    const before = peer.frames.length;
    peer.session.disconnected();
    expect(peer.frames).toHaveLength(before);
    expect(peer.recording.requests[0]?.seen.reset).toMatchObject({ by: "connection", code: INTERNAL_ERROR });
    expect(peer.recording.closed).toBe(true);
  });
});

describe("a client whose server goes away (RFC 9113 section 6.8)", () => {
  test("can send the requests above the last stream again, and completes the others", () => {
    const { peer, calls } = client([{}, {}]);
    peer.send(goawayFrame(2 ** 31 - 1), goawayFrame(1), section(1, ok, true));
    expect(calls[0]!.seen).toMatchObject({ ended: true });
    expect(calls[1]!.seen.reset).toMatchObject({ by: "goaway", code: REFUSED_STREAM });
    expect(peer.recording.goaways.map(({ lastStreamId }) => lastStreamId)).toEqual([2 ** 31 - 1, 1]);
    expect([peer.session.canRequest, peer.session.goingAway, peer.session.streamCount]).toEqual([false, true, 0]);
    expect(() => ask(peer.session)).toThrow("no request can be sent on this connection now");
  });

  test("gets the code and the debug data", () => {
    const { peer, calls } = client();
    peer.send(goawayFrame(0, ENHANCE_YOUR_CALM, "too fast"));
    expect(peer.recording.goaways).toEqual([{ lastStreamId: 0, errorCode: ENHANCE_YOUR_CALM, debugData: "too fast" }]);
    expect(calls[0]!.seen.reset).toMatchObject({ by: "goaway", code: ENHANCE_YOUR_CALM });
  });

  test("can go away itself, and ends after its last stream", () => {
    const { peer, calls } = client();
    peer.session.shutdown();
    expect(peer.framesOf("GOAWAY").map(({ lastStreamId }) => lastStreamId)).toEqual([0]);
    expect([peer.session.canRequest, peer.recording.closed]).toEqual([false, false]);
    peer.send(section(1, ok, true));
    expect([calls[0]!.seen.ended, peer.recording.closed]).toEqual([true, true]);
  });
});

test("a client has no more requests open than the server allows", () => {
  const { peer } = client([]);
  peer.session.receive(Buffer.from([0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1]));
  const call = ask(peer.session);
  expect(peer.session.canRequest).toBe(false);
  call.stream!.reset(CANCEL);
  expect(peer.session.canRequest).toBe(true);
});
