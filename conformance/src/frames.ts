import {
  continuationFrame,
  dataFrame,
  encodeFrame,
  errorCodes,
  flags,
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

import { rawFields } from "./http2-fields.ts";
import { CASE, HOST } from "./message.ts";

/** Where a frame is sent. */
interface Place {
  readonly streamId: number;
  readonly id: string;
}

/** A frame of a script: what is written where it is played. What is wrong in it stays wrong. */
export type Frame = (place: Place) => Buffer;

/** The header section of a request with these lines behind the pseudo fields, which can be replaced. */
export function asks(fields: readonly string[] = [], pseudo: Readonly<Record<string, string>> = {}): string[] {
  const names = { ":method": "GET", ":scheme": "http", ":authority": HOST, ":path": "/", ...pseudo };
  return [...Object.entries(names).map(([name, value]) => `${name}: ${value}`), CASE, ...fields];
}

/** HEADERS with these lines, as they are. `split`: the block goes into as many frames, CONTINUATION behind HEADERS. */
export function headers(
  lines: readonly string[],
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

/** GOAWAY; the last stream is the current one unless told otherwise. */
export function goaway(code: keyof typeof errorCodes, last?: number): Frame {
  return ({ streamId }) => goawayFrame(last ?? streamId, errorCodes[code]);
}

/** WINDOW_UPDATE of the stream. */
export function windowUpdate(increment: number): Frame {
  return ({ streamId }) => windowUpdateFrame(streamId, increment);
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
export function push(lines: readonly string[]): Frame {
  return ({ streamId, id }) => pushPromiseFrame(streamId, 2, encodeFields(rawFields(lines, id)));
}

/** A frame of any type. */
export function frame(type: number, payload: string, { end = false } = {}): Frame {
  return ({ streamId }) =>
    encodeFrame({ type, streamId, flags: end ? flags.END_STREAM : 0 }, Buffer.from(payload, "latin1"));
}
