/** The frame types of RFC 9113 section 6. */
export const FrameType = {
  DATA: 0x0,
  HEADERS: 0x1,
  PRIORITY: 0x2,
  RST_STREAM: 0x3,
  SETTINGS: 0x4,
  PUSH_PROMISE: 0x5,
  PING: 0x6,
  GOAWAY: 0x7,
  WINDOW_UPDATE: 0x8,
  CONTINUATION: 0x9,
} as const;

/** The flags of RFC 9113 section 6. END_STREAM and ACK are the same bit, of different types. */
export const Flag = { END_STREAM: 0x1, ACK: 0x1, END_HEADERS: 0x4, PADDED: 0x8, PRIORITY: 0x20 } as const;

/** The octets before the payload of every frame (RFC 9113 section 4.1). */
export const FRAME_HEADER_LENGTH = 9;

/** The largest payload that a frame can have: its length takes 24 bits (RFC 9113 section 4.2). Octets. */
export const LARGEST_PAYLOAD: number = 2 ** 24 - 1;

/** The highest stream identifier (RFC 9113 section 5.1.1). */
export const MAX_STREAM_ID: number = 2 ** 31 - 1;

/** What comes before the payload of every frame (RFC 9113 section 4.1). */
export interface FrameHeader {
  /** The octets of the payload. */
  readonly length: number;
  /** One of {@link FrameType}, or any other number up to 255. */
  readonly type: number;
  /** Bits of {@link Flag}; bits without a meaning for the type are ignored. */
  readonly flags: number;
  /** 0 for the connection; the reserved bit is ignored. */
  readonly streamId: number;
}

/** A header to read the next ones into: a frame costs no allocation. */
export interface ReusedFrameHeader extends FrameHeader {
  length: number;
  type: number;
  flags: number;
  streamId: number;
}

/** Reads the header at `at`. */
export function readFrameHeader(bytes: Uint8Array, at: number, into: ReusedFrameHeader): void {
  into.length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
  into.type = bytes[at + 3]!;
  into.flags = bytes[at + 4]!;
  into.streamId = readUint31(bytes, at + 5);
}

/** Writes a header at `at`, and returns the position after it. */
export function writeFrameHeader(
  target: Uint8Array,
  at: number,
  { length, type, flags, streamId }: FrameHeader,
): number {
  target[at] = length >> 16;
  target[at + 1] = length >> 8;
  target[at + 2] = length;
  target[at + 3] = type;
  target[at + 4] = flags;
  return writeUint32(target, at + 5, streamId);
}

/** Sets END_STREAM in the header at `at`, of a DATA or HEADERS frame. */
export function setEndStream(target: Uint8Array, at: number): void {
  target[at + 4]! |= Flag.END_STREAM;
}

/** 32 bits of which the first is reserved and ignored. */
export function readUint31(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! & 0x7f) << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

/** 32 bits. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** Writes 32 bits at `at`, and returns the position after them. */
export function writeUint32(target: Uint8Array, at: number, value: number): number {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
  return at + 4;
}
