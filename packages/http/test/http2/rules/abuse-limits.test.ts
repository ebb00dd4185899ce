import {
  dataFrame,
  encodeFields,
  errorCodes,
  headersFrame,
  pingFrame,
  resetFrame,
  settingsFrame,
  windowUpdateFrame,
} from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { collectGarbage } from "../garbage.ts";
import { ask, fields } from "../session/events.ts";
import { also, client, ok, put, section, server, type ServerUnderTest } from "./under-test.ts";

const { ENHANCE_YOUR_CALM, CANCEL, PROTOCOL_ERROR } = errorCodes;

/** The identifiers of so many streams of a client, in order. */
function ids(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index * 2 + 1);
}

/** Has one request answered as it should be. */
function complete(peer: ServerUnderTest, id: number): void {
  peer.send(section(id, put, true));
  peer.recording.requests.at(-1)!.stream.respond(200, fields(), { endStream: true });
  peer.session.takeOutput();
}

describe("a server ends the connection of a client that", () => {
  test("resets streams as it opens them (CVE-2023-44487)", () => {
    const peer = server();
    for (const id of ids(2000)) {
      if (peer.session.closed) break;
      peer.send(section(id, put, true), resetFrame(id));
    }
    expect(peer.goaway).toBe(ENHANCE_YOUR_CALM);
    expect(peer.recording.requests.length).toBeLessThan(1100);
  });

  test.each([
    ["malformed requests", [section(1, also(put, ["connection", "x"]))]],
    ["increments of 0", [section(1, put), windowUpdateFrame(1, 0)]],
    ["too much content", [section(1, also(put, ["content-length", "1"])), dataFrame(1, "xx")]],
  ])("has streams reset by %s (CVE-2025-8671)", (_what, frames) => {
    const peer = server();
    for (const id of ids(1000)) {
      if (peer.session.closed) break;
      for (const frame of frames) {
        const copy = Buffer.from(frame);
        copy.writeUInt32BE(id, 5);
        peer.send(copy);
      }
      peer.session.takeOutput();
    }
    expect(peer.recording.fault?.code).toBe(ENHANCE_YOUR_CALM);
  });

  test("keeps sending empty DATA (CVE-2019-9518)", () => {
    const peer = server().send(section(1, put));
    for (let sent = 0; sent < 2000; sent += 1) peer.send(dataFrame(1, ""));
    expect(peer.goaway).toBe(ENHANCE_YOUR_CALM);
  });

  test.each([
    ["PING (CVE-2019-9512)", pingFrame()],
    ["SETTINGS (CVE-2019-9515)", settingsFrame({ INITIAL_WINDOW_SIZE: 1 })],
  ])("sends %s and reads no answer", (_what, frame) => {
    const peer = server();
    peer.session.takeOutput();
    for (let sent = 0; sent < 2000; sent += 1) peer.send(frame);
    expect(peer.goaway).toBe(ENHANCE_YOUR_CALM);
    expect(peer.session.outputLength).toBeLessThan(20_000);
  });
});

describe("a server tolerates a client that", () => {
  test("keeps sending PING and reads the answers", () => {
    const peer = server();
    for (let sent = 0; sent < 10_000; sent += 1) {
      peer.send(pingFrame());
      peer.session.takeOutput();
    }
    expect(peer.session.closed).toBe(false);
  });

  test("cancels 10,000 requests, without effect on the others", () => {
    const peer = server();
    peer.send(section(1, put));
    const other = peer.recording.requests[0]!;
    for (const id of ids(10_001).slice(1)) {
      peer.send(section(id, put), dataFrame(id, "some content"));
      peer.recording.requests.at(-1)!.stream.respond(200, fields("x-id", String(id)));
      peer.recording.requests.at(-1)!.stream.send(Buffer.alloc(100));
      peer.send(resetFrame(id, CANCEL));
      peer.session.takeOutput();
      peer.recording.requests.length = 1;
    }
    expect([peer.session.closed, peer.session.streamCount, peer.session.outputLength]).toEqual([false, 1, 0]);
    peer.send(windowUpdateFrame(0, 10_000_000), dataFrame(1, "still here", { endStream: true }));
    expect(other.seen).toMatchObject({ content: "still here", ended: true });
    other.stream.respond(200, fields());
    expect(other.stream.send(Buffer.from("answer"), true)).toBe(6);
    expect(peer.session.streamCount).toBe(0);
  });

  test("makes one mistake per completed request", () => {
    const peer = server();
    for (let id = 1; id < 4000; id += 4) {
      complete(peer, id);
      peer.send(section(id + 2, also(put, ["connection", "x"]), true));
      expect(peer.resetOf(id + 2)).toBe(PROTOCOL_ERROR);
    }
    expect(peer.session.closed).toBe(false);
  });

  test("cancels one request at once per completed request", () => {
    const peer = server();
    for (let id = 1; id < 8000; id += 4) {
      complete(peer, id);
      peer.send(section(id + 2, put, true), resetFrame(id + 2));
    }
    expect(peer.session.closed).toBe(false);
  });

  test("sends empty DATA between content", () => {
    const peer = server().send(section(1, put));
    for (let sent = 0; sent < 5000; sent += 1) peer.send(dataFrame(1, ""), dataFrame(1, "x"));
    expect(peer.session.closed).toBe(false);
  });
});

describe("a client", () => {
  test("can cancel 10,000 requests, without effect on the others", () => {
    const { peer, calls } = client([{}]);
    for (let asked = 0; asked < 10_000; asked += 1) {
      const call = ask(peer.session, { method: "PUT", endStream: false });
      call.sendAll("some content");
      if (asked % 2 === 0) peer.send(section(call.stream!.id, ok), dataFrame(call.stream!.id, "x".repeat(1000)));
      call.stream!.reset();
      peer.session.takeOutput();
      // Half of the answers cross the reset.
      if (asked % 2 === 1) peer.send(section(call.stream!.id, ok), dataFrame(call.stream!.id, "x".repeat(1000)));
      if (asked % 10 === 0) peer.send(windowUpdateFrame(0, 1000));
    }
    peer.send(section(1, ok), dataFrame(1, "content", { endStream: true }));
    expect(calls[0]!.seen).toMatchObject({ content: "content", ended: true });
    expect([peer.session.streamCount, peer.session.closed]).toEqual([0, false]);
  });

  test("accepts any number of interim responses while it sends content", () => {
    const { peer, calls } = client([{ method: "PUT", endStream: false }]);
    for (let sent = 0; sent < 5; sent += 1) {
      calls[0]!.stream!.send(Buffer.from("x"));
      peer.send(...Array.from({ length: 999 }, () => headersFrame(1, encodeFields([[":status", "104"]]))));
    }
    expect(calls[0]!.seen.interim).toHaveLength(4995);
  });
});

test("cancelled streams leave no memory in use", () => {
  const peer = server();
  let id = 1;
  const storm = (count: number): number => {
    for (let sent = 0; sent < count; sent += 1, id += 2) {
      peer.send(headersFrame(id, encodeFields(also(put, ["x-id", String(id)]))), dataFrame(id, Buffer.alloc(100)));
      peer.recording.requests.pop();
      peer.send(resetFrame(id));
      peer.session.takeOutput();
    }
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const before = storm(5000);
  const after = storm(20_000);
  // A stream that stayed would take a kilobyte or so: twenty megabytes together.
  expect(after - before).toBeLessThan(2 * 1024 * 1024);
  expect(peer.session.closed).toBe(false);
});
