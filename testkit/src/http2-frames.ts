/** What a client says first (RFC 9113, section 3.4). */
export const connectionPreface: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** The frame types of RFC 9113, section 6, by their numbers. */
export const frameTypes = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

/** The flags of RFC 9113, section 6. END_STREAM and ACK are the same bit on different frames. */
export const flags = { END_STREAM: 0x1, ACK: 0x1, END_HEADERS: 0x4, PADDED: 0x8, PRIORITY: 0x20 } as const;

/** The error codes of RFC 9113, section 7. */
export const errorCodes = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  SETTINGS_TIMEOUT: 4,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  CONNECT_ERROR: 10,
  ENHANCE_YOUR_CALM: 11,
  INADEQUATE_SECURITY: 12,
  HTTP_1_1_REQUIRED: 13,
} as const;

/** The settings of RFC 9113, section 6.5.2, and of RFC 8441. */
export const settings = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
  ENABLE_CONNECT_PROTOCOL: 8,
} as const;

/** Settings to send, by name, in the order in which they stand. */
export type Settings = Readonly<Partial<Record<keyof typeof settings, number>>>;

/** A frame that arrived. Which of the optional parts are there depends on its type. */
export interface Http2Frame {
  /** `frame 0x...` for a type that RFC 9113 does not know. */
  readonly type: keyof typeof frameTypes | `frame 0x${string}`;
  readonly flags: number;
  readonly streamId: number;
  /** Everything after the nine bytes of the frame's header. */
  readonly payload: Buffer;
  /** DATA, HEADERS: this side of the stream ends here. */
  readonly endStream: boolean;
  /** HEADERS, PUSH_PROMISE, CONTINUATION: the field block ends here. */
  readonly endHeaders: boolean;
  /** SETTINGS, PING. */
  readonly ack: boolean;
  /** DATA: the content. HEADERS, PUSH_PROMISE, CONTINUATION: the fragment of the block. GOAWAY: the debug data. No padding. */
  readonly body: Buffer;
  /** RST_STREAM, GOAWAY. */
  readonly errorCode?: number;
  /** GOAWAY: the last stream that was or might be processed. */
  readonly lastStreamId?: number;
  /** PUSH_PROMISE. */
  readonly promisedStreamId?: number;
  /** WINDOW_UPDATE: bytes. */
  readonly increment?: number;
  /** SETTINGS: number and value, in order, the unknown ones as well. */
  readonly settings?: readonly (readonly [id: number, value: number])[];
}

/** The parts of a frame's header that a sender can lie about. */
export interface FrameHeader {
  readonly type: number;
  readonly flags?: number;
  readonly streamId?: number;
  /** The length that the header claims. Default: the payload's. */
  readonly length?: number;
}

/** Any frame at all: nothing is checked. */
export function encodeFrame(
  { type, flags: bits = 0, streamId = 0, length }: FrameHeader,
  payload?: Uint8Array,
): Buffer {
  const body = payload ?? Buffer.alloc(0);
  const frame = Buffer.alloc(9 + body.length);
  frame.writeUIntBE(length ?? body.length, 0, 3);
  frame[3] = type;
  frame[4] = bits;
  frame.writeUInt32BE(streamId, 5);
  frame.set(body, 9);
  return frame;
}

/** Settings of `dataFrame` and `headersFrame`. */
export interface FrameOptions {
  /** Default: false. */
  readonly endStream?: boolean;
  /** HEADERS and PUSH_PROMISE only: false when CONTINUATION follows. Default: true. */
  readonly endHeaders?: boolean;
  /** Bytes of padding, up to 255; 0 still sets the flag. Default: no padding. */
  readonly padding?: number;
}

export function dataFrame(streamId: number, data: string | Uint8Array, options: FrameOptions = {}): Buffer {
  const body = typeof data === "string" ? Buffer.from(data, "latin1") : data;
  return paddedFrame(frameTypes.DATA, streamId, body, options, options.endStream ? flags.END_STREAM : 0);
}

/** `block` is a field block, or its first fragment, of `encodeFields` and its kin. */
export function headersFrame(streamId: number, block: Uint8Array, options: FrameOptions = {}): Buffer {
  const end = options.endStream ? flags.END_STREAM : 0;
  return paddedFrame(frameTypes.HEADERS, streamId, block, options, end | endOfHeaders(options));
}

/** A whole field section, in as many HEADERS and CONTINUATION frames as it takes where frames have 16,384 bytes. */
export function fieldSection(streamId: number, block: Uint8Array, { endStream = false } = {}): Buffer {
  const size = 16_384;
  const frames = [headersFrame(streamId, block.subarray(0, size), { endStream, endHeaders: block.length <= size })];
  for (let at = size; at < block.length; at += size)
    frames.push(continuationFrame(streamId, block.subarray(at, at + size), { endHeaders: at + size >= block.length }));
  return Buffer.concat(frames);
}

export function continuationFrame(streamId: number, fragment: Uint8Array, options: FrameOptions = {}): Buffer {
  return encodeFrame({ type: frameTypes.CONTINUATION, flags: endOfHeaders(options), streamId }, fragment);
}

export function pushPromiseFrame(
  streamId: number,
  promisedStreamId: number,
  block: Uint8Array,
  options: FrameOptions = {},
): Buffer {
  const body = Buffer.concat([uint32(promisedStreamId), block]);
  return paddedFrame(frameTypes.PUSH_PROMISE, streamId, body, options, endOfHeaders(options));
}

/** `weight` is the real one, 1 to 256. */
export function priorityFrame(streamId: number, { dependsOn = 0, exclusive = false, weight = 16 } = {}): Buffer {
  const payload = Buffer.concat([uint32(dependsOn + (exclusive ? 2 ** 31 : 0)), Buffer.of(weight - 1)]);
  return encodeFrame({ type: frameTypes.PRIORITY, streamId }, payload);
}

export function resetFrame(streamId: number, errorCode: number = errorCodes.CANCEL): Buffer {
  return encodeFrame({ type: frameTypes.RST_STREAM, streamId }, uint32(errorCode));
}

export function settingsFrame(values: Settings = {}): Buffer {
  const payload = Object.entries(values).map(([name, value]) => {
    const setting = Buffer.alloc(6);
    setting.writeUInt16BE(settings[name as keyof typeof settings]);
    setting.writeUInt32BE(value, 2);
    return setting;
  });
  return encodeFrame({ type: frameTypes.SETTINGS }, Buffer.concat(payload));
}

export function settingsAckFrame(): Buffer {
  return encodeFrame({ type: frameTypes.SETTINGS, flags: flags.ACK });
}

/** `payload` is eight bytes, if it is to be right. */
export function pingFrame(payload: Uint8Array = Buffer.alloc(8), { ack = false } = {}): Buffer {
  return encodeFrame({ type: frameTypes.PING, flags: ack ? flags.ACK : 0 }, payload);
}

export function goawayFrame(lastStreamId: number, errorCode: number = errorCodes.NO_ERROR, debug = ""): Buffer {
  const payload = Buffer.concat([uint32(lastStreamId), uint32(errorCode), Buffer.from(debug, "latin1")]);
  return encodeFrame({ type: frameTypes.GOAWAY }, payload);
}

/** Stream 0 is the connection. */
export function windowUpdateFrame(streamId: number, increment: number): Buffer {
  return encodeFrame({ type: frameTypes.WINDOW_UPDATE, streamId }, uint32(increment));
}

function paddedFrame(
  type: number,
  streamId: number,
  body: Uint8Array,
  { padding }: FrameOptions,
  bits: number,
): Buffer {
  if (padding === undefined) return encodeFrame({ type, flags: bits, streamId }, body);
  const payload = Buffer.concat([Buffer.of(padding), body, Buffer.alloc(padding)]);
  return encodeFrame({ type, flags: bits | flags.PADDED, streamId }, payload);
}

function endOfHeaders({ endHeaders = true }: FrameOptions): number {
  return endHeaders ? flags.END_HEADERS : 0;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
