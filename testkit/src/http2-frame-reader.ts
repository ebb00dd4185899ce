import { flags, frameTypes } from "./http2-frames.ts";
import type { Http2Frame } from "./http2-frames.ts";

const typeNames = new Map<number, keyof typeof frameTypes>(
  Object.entries(frameTypes).map(([name, type]) => [type, name as keyof typeof frameTypes]),
);

/** Cuts what arrives into frames, whatever the pieces in which it comes, and keeps only what is not yet a whole frame. */
export class FrameReader {
  #pieces: Uint8Array[] = [];
  #size = 0;
  #wanted = 9;

  /** The frames that `bytes` completes. Throws on a frame that is too short for its type. */
  *read(bytes: Uint8Array): Generator<Http2Frame, void, undefined> {
    this.#pieces.push(bytes);
    this.#size += bytes.length;
    if (this.#size < this.#wanted) return;
    for (let rest = Buffer.concat(this.#pieces); ;) {
      this.#wanted = 9 + (rest.length < 9 ? 0 : rest.readUIntBE(0, 3));
      const frame = rest.length < this.#wanted ? undefined : rest.subarray(0, this.#wanted);
      if (frame !== undefined) rest = rest.subarray(this.#wanted);
      this.#pieces = [rest];
      this.#size = rest.length;
      if (frame === undefined) return;
      yield decodeFrame(frame);
    }
  }
}

function decodeFrame(frame: Buffer): Http2Frame {
  const number = frame[3]!;
  const type = typeNames.get(number) ?? (`frame 0x${number.toString(16)}` as const);
  const bits = frame[4]!;
  const payload = frame.subarray(9);
  const decoded = {
    type,
    flags: bits,
    streamId: streamIdAt(frame, 5),
    payload,
    endStream: (type === "DATA" || type === "HEADERS") && (bits & flags.END_STREAM) !== 0,
    endHeaders: ["HEADERS", "PUSH_PROMISE", "CONTINUATION"].includes(type) && (bits & flags.END_HEADERS) !== 0,
    ack: (type === "SETTINGS" || type === "PING") && (bits & flags.ACK) !== 0,
    body: payload,
  };
  switch (type) {
    case "DATA":
      return { ...decoded, body: unpadded(payload, bits) };
    case "HEADERS":
      return { ...decoded, body: unpadded(payload, bits).subarray(bits & flags.PRIORITY ? 5 : 0) };
    case "PUSH_PROMISE": {
      const body = unpadded(payload, bits);
      return { ...decoded, promisedStreamId: streamIdAt(body, 0), body: body.subarray(4) };
    }
    case "RST_STREAM":
      return { ...decoded, errorCode: payload.readUInt32BE(0) };
    case "SETTINGS":
      return { ...decoded, settings: readSettings(payload) };
    case "GOAWAY":
      return {
        ...decoded,
        lastStreamId: streamIdAt(payload, 0),
        errorCode: payload.readUInt32BE(4),
        body: payload.subarray(8),
      };
    case "WINDOW_UPDATE":
      return { ...decoded, increment: streamIdAt(payload, 0) };
    default:
      return decoded;
  }
}

/** The highest bit is reserved and has no meaning. */
function streamIdAt(bytes: Buffer, offset: number): number {
  return bytes.readUInt32BE(offset) % 2 ** 31;
}

function unpadded(payload: Buffer, bits: number): Buffer {
  if ((bits & flags.PADDED) === 0) return payload;
  const padding = payload.readUInt8(0);
  if (padding >= payload.length) throw new Error(`${padding} bytes of padding in a frame of ${payload.length}`);
  return payload.subarray(1, payload.length - padding);
}

function readSettings(payload: Buffer): (readonly [id: number, value: number])[] {
  if (payload.length % 6 !== 0) throw new Error(`SETTINGS of ${payload.length} bytes`);
  return Array.from({ length: payload.length / 6 }, (_, index) => [
    payload.readUInt16BE(index * 6),
    payload.readUInt32BE(index * 6 + 2),
  ]);
}
