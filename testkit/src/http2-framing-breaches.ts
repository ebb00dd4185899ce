import { monstrousField } from "./http2-bad-fields.ts";
import {
  continuationFrame,
  dataFrame,
  encodeFrame,
  errorCodes,
  fieldSection,
  flags,
  frameTypes,
  headersFrame,
  pingFrame,
  resetFrame,
  settingsFrame,
  windowUpdateFrame,
} from "./http2-frames.ts";
import type { FieldPairs } from "./http2-hpack.ts";
import { encodeFields, encodeIndex, encodeTableSize } from "./http2-hpack.ts";

const { PROTOCOL_ERROR, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, COMPRESSION_ERROR } = errorCodes;

/** Something that no peer may send, and that the connection does not survive, or at least the stream. */
export interface ConnectionBreach {
  /** What the peer does, as the end of a sentence that begins with "a client that" or "a server that". */
  readonly name: string;
  /**
   * Whether RFC 9113 makes it an error of the stream alone. It may be one of the connection all the same (section 5.4), and nghttp2 makes
   * it one.
   */
  readonly ofStream: boolean;
  /** The error codes that GOAWAY, or RST_STREAM, may give for it. */
  readonly codes: readonly number[];
  /** What it sends, after the handshake. */
  readonly frames: readonly Uint8Array[];
}

/** A breach as one line of a table. */
export type BreachRow = readonly [name: string, codes: number | readonly number[], ...frames: Uint8Array[]];

/** Breaches of which RFC 9113 makes an error of the connection, unless `ofStream` says otherwise. */
export function connectionBreaches(rows: readonly BreachRow[], ofStream = false): ConnectionBreach[] {
  return rows.map(([name, codes, ...frames]) => ({ name, ofStream, codes: [codes].flat(), frames }));
}

/** Breaches of which RFC 9113 makes an error of the stream. */
export function streamBreaches(rows: readonly BreachRow[]): ConnectionBreach[] {
  return connectionBreaches(rows, true);
}

/** What either side may not do to the framing or the state of a connection, where it could send `fields` on stream `id`. */
export function framingBreaches(fields: FieldPairs, id: number): ConnectionBreach[] {
  const block = encodeFields(fields);
  const open = headersFrame(id, block);
  const begun = headersFrame(id, block, { endHeaders: false });
  // Never opened by anyone.
  const idle = id + 1000;
  const ofStream = streamBreaches([
    ["adds more than 2^31-1 to a stream's window", FLOW_CONTROL_ERROR, open, windowUpdateFrame(id, 2 ** 31 - 1)],
    ["adds nothing to a stream's window", PROTOCOL_ERROR, open, windowUpdateFrame(id, 0)],
  ]);
  const ofConnection = connectionBreaches([
    ["adds more than 2^31-1 to the connection's window", FLOW_CONTROL_ERROR, windowUpdateFrame(0, 2 ** 31 - 1)],
    ["adds nothing to the connection's window", PROTOCOL_ERROR, windowUpdateFrame(0, 0)],
    ["sets an initial window of 2^31", FLOW_CONTROL_ERROR, settingsFrame({ INITIAL_WINDOW_SIZE: 2 ** 31 })],
    ["sets frames of less than 16,384 bytes", PROTOCOL_ERROR, settingsFrame({ MAX_FRAME_SIZE: 16_383 })],
    ["sets frames of more than 2^24-1 bytes", PROTOCOL_ERROR, settingsFrame({ MAX_FRAME_SIZE: 2 ** 24 })],
    ["sets push to 2", PROTOCOL_ERROR, settingsFrame({ ENABLE_PUSH: 2 })],
    ["sends SETTINGS of five bytes", FRAME_SIZE_ERROR, frame("SETTINGS", 0, 5)],
    ["sends SETTINGS on a stream", PROTOCOL_ERROR, frame("SETTINGS", id, 0)],
    ["acknowledges SETTINGS with a payload", FRAME_SIZE_ERROR, frame("SETTINGS", 0, 6, flags.ACK)],
    ["sends a PING of seven bytes", FRAME_SIZE_ERROR, frame("PING", 0, 7)],
    ["sends a PING on a stream", PROTOCOL_ERROR, frame("PING", id, 8)],
    ["sends GOAWAY on a stream", PROTOCOL_ERROR, frame("GOAWAY", id, 8)],
    ["sends a WINDOW_UPDATE of three bytes", FRAME_SIZE_ERROR, frame("WINDOW_UPDATE", 0, 3)],
    ["sends a RST_STREAM of five bytes", FRAME_SIZE_ERROR, open, frame("RST_STREAM", id, 5)],
    ["claims to send the largest frame that there is", FRAME_SIZE_ERROR, open, claim("DATA", id, 2 ** 24 - 1)],
    ["sends DATA on no stream", PROTOCOL_ERROR, dataFrame(0, "x")],
    ["sends HEADERS on no stream", PROTOCOL_ERROR, headersFrame(0, block)],
    ["sends DATA on a stream that was not opened", PROTOCOL_ERROR, dataFrame(idle, "x")],
    ["resets a stream that was not opened", PROTOCOL_ERROR, resetFrame(idle)],
    ["adds to the window of a stream that was not opened", PROTOCOL_ERROR, windowUpdateFrame(idle, 1)],
    ["continues what was not begun", PROTOCOL_ERROR, continuationFrame(id, block)],
    ["continues another stream's block", PROTOCOL_ERROR, begun, continuationFrame(idle, block)],
    ["sends another frame within a block", PROTOCOL_ERROR, begun, pingFrame()],
    ["sends DATA with more padding than there is room", PROTOCOL_ERROR, open, overPadded("DATA", id)],
    ["sends HEADERS with more padding than there is room", PROTOCOL_ERROR, overPadded("HEADERS", id)],
    ["names a field by an index that there is not", COMPRESSION_ERROR, headersFrame(id, encodeIndex(200))],
    ["makes the table of fields larger than it may be", COMPRESSION_ERROR, headersFrame(id, encodeTableSize(2 ** 24))],
    ["aborts a block within a string", COMPRESSION_ERROR, headersFrame(id, block.subarray(0, -1))],
    ["codes a string with bad padding", COMPRESSION_ERROR, headersFrame(id, Buffer.of(0, 0x81, 0x18, 0))],
    [
      "sends a field larger than anybody reads",
      COMPRESSION_ERROR,
      fieldSection(id, encodeFields([...fields, ...monstrousField])),
    ],
  ]);
  return [...ofConnection, ...ofStream];
}

function frame(type: keyof typeof frameTypes, streamId: number, length: number, bits = 0): Buffer {
  return encodeFrame({ type: frameTypes[type], flags: bits, streamId }, Buffer.alloc(length));
}

/** The header of a frame, with nothing after it. */
function claim(type: keyof typeof frameTypes, streamId: number, length: number): Buffer {
  return encodeFrame({ type: frameTypes[type], streamId, length });
}

function overPadded(type: keyof typeof frameTypes, streamId: number): Buffer {
  const bits = flags.PADDED | flags.END_HEADERS;
  return encodeFrame({ type: frameTypes[type], flags: bits, streamId }, Buffer.of(200, 0, 0));
}
