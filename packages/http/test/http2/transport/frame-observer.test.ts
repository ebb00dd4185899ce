import { array, assert, integer, property, uint8Array } from "fast-check";
import { expect, test } from "vitest";

import { CLIENT_PREFACE, FrameObserver, type ObservedFrame } from "../../../src/http2/index.ts";

/** A frame as RFC 9113 section 4.1 has it. */
function frame(type: number, flags: number, streamId: number, payload: readonly number[] = []): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, Buffer.from(payload)]);
}

const connection = Buffer.concat([
  CLIENT_PREFACE,
  frame(4, 0, 0, [0, 3, 0, 0, 0, 100, 0, 77, 0, 0, 0, 1]),
  frame(4, 1, 0),
  frame(1, 4, 1, [0x82]),
  frame(0, 0, 1, [1, 2, 3]),
  frame(0, 9, 1, [1, 0, 0]),
  frame(8, 0, 0, [0, 0, 1, 0]),
  frame(0x77, 0xff, 5, [1, 2]),
  frame(3, 0, 1, [0, 0, 0, 8]),
  frame(7, 0, 0, [0, 0, 0, 1, 0, 0, 0, 11, 0x68, 0x69]),
]);

const expected = [
  "SETTINGS 0 12  MAX_CONCURRENT_STREAMS=100, 0x4d=1",
  "SETTINGS 0 0 ACK ",
  "HEADERS 1 1 END_HEADERS ",
  "DATA 1 3  ",
  "DATA 1 3 END_STREAM,PADDED ",
  "WINDOW_UPDATE 0 4  +256",
  "0x77 5 2  ",
  "RST_STREAM 1 4  CANCEL",
  'GOAWAY 0 10  ENHANCE_YOUR_CALM, last stream 1, "hi"',
];

function text({ type, streamId, length, flags, detail }: ObservedFrame): string {
  return `${type} ${streamId} ${length} ${flags.join()} ${detail}`;
}

test("names every frame of a client after its preface, in whatever pieces they come", () => {
  assert(
    property(array(integer({ min: 1, max: connection.length }), { maxLength: 20 }), (cuts) => {
      const seen: string[] = [];
      const observer = new FrameObserver("client", (one) => seen.push(text(one)));
      const ends = [...new Set([...cuts, connection.length])].toSorted((one, other) => one - other);
      for (const [at, end] of ends.entries()) observer.read(connection.subarray(at === 0 ? 0 : ends[at - 1], end));
      expect(seen).toEqual(expected);
    }),
    { numRuns: 50 },
  );
});

test("is silent after octets that are no frame, and throws for none", () => {
  assert(
    property(uint8Array({ maxLength: 200 }), (octets) => {
      new FrameObserver("server", () => {}).read(Buffer.from(octets));
    }),
  );
  const seen: string[] = [];
  const observer = new FrameObserver("server", (one) => seen.push(text(one)));
  observer.read(frame(3, 0, 1, [1]));
  observer.read(frame(6, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]));
  expect(seen).toEqual([]);
});
