import {
  continuationFrame,
  dataFrame,
  encodeFrame,
  errorCodes,
  goawayFrame,
  headersFrame,
  pingFrame,
  priorityFrame,
  pushPromiseFrame,
  resetFrame,
  type Settings,
  settingsFrame,
  windowUpdateFrame,
} from "@trailsum/testkit/http2-frames";
import { encodeFields } from "@trailsum/testkit/http2-hpack";

import { type RawField, rawFields } from "./http2-fields.ts";
import { CASE, HOST } from "./message.ts";

/** Where a frame is sent. */
interface Place {
  readonly streamId: number;
  readonly id: string;
}

/** A frame of a script: what is written where it is played. What is wrong in it stays wrong. */
export type Frame = (place: Place) => Buffer;

/** The header section of a request with these lines after the pseudo fields, which can be replaced, or left out. */
export function asks(
  fields: readonly RawField[] = [],
  pseudo: Readonly<Record<string, string | undefined>> = {},
): RawField[] {
  const all = { ":method": "GET", ":scheme": "http", ":authority": HOST, ":path": "/", ...pseudo };
  const there = Object.entries(all).filter((line): line is [string, string] => line[1] !== undefined);
  return [...there, CASE, ...fields];
}

/** HEADERS with these lines, as they are. `split`: the block goes into as many frames, CONTINUATION after HEADERS. */
export function headers(
  lines: readonly RawField[],
  { end = false, padding, split = 1 }: { end?: boolean; padding?: number; split?: number } = {},
): Frame {
  return ({ streamId, id }) => {
    const block = encodeFields(rawFields(lines, id));
    const size = Math.ceil(block.length / split);
    const parts = Array.from({ length: split }, (_, at) => block.subarray(at * size, (at + 1) * size));
    return Buffer.concat(
      parts.map((part, at) => {
        const endHeaders = at === parts.length - 1;
        if (at > 0) return continuationFrame(streamId, part, { endHeaders });
        return headersFrame(streamId, part, {
          endStream: end,
          endHeaders,
          ...(padding === undefined ? {} : { padding }),
        });
      }),
    );
  };
}

/** DATA. */
export function data(text: string, { end = false, padding }: { end?: boolean; padding?: number } = {}): Frame {
  return ({ streamId }) => dataFrame(streamId, text, { endStream: end, ...(padding === undefined ? {} : { padding }) });
}

/** RST_STREAM. */
export function reset(code: keyof typeof errorCodes): Frame {
  return ({ streamId }) => resetFrame(streamId, errorCodes[code]);
}

/** GOAWAY: of the other side's streams the current one is the last that is served, or the one before it, or there was none. */
export function goaway(code: keyof typeof errorCodes, last: "this" | "before" | "none" = "this"): Frame {
  const before = { this: 0, before: 2, none: Infinity }[last];
  return ({ streamId }) => goawayFrame(Math.max(0, streamId - before), errorCodes[code]);
}

/** WINDOW_UPDATE, of the stream or of the connection. */
export function windowUpdate(increment: number, of: "stream" | "connection" = "stream"): Frame {
  return ({ streamId }) => windowUpdateFrame(of === "stream" ? streamId : 0, increment);
}

/** SETTINGS. */
export function settings(values: Settings): Frame {
  return () => settingsFrame(values);
}

/** PING. */
export function ping(): Frame {
  return () => pingFrame();
}

/** PRIORITY, of which RFC 9113 section 5.3.2 wants that it is received and does nothing. */
export function priority(): Frame {
  return ({ streamId }) => priorityFrame(streamId);
}

/** PUSH_PROMISE. */
export function push(lines: readonly RawField[]): Frame {
  return ({ streamId, id }) => pushPromiseFrame(streamId, 2, encodeFields(rawFields(lines, id)));
}

/** A frame of any type, on any stream, that may lie about its length. */
export function frame(
  type: number,
  payload: string,
  { bits = 0, on, length = payload.length }: { bits?: number; on?: number; length?: number } = {},
): Frame {
  return ({ streamId }) =>
    encodeFrame({ type, streamId: on ?? streamId, flags: bits, length }, Buffer.from(payload, "latin1"));
}
