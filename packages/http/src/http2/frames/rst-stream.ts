import { frameSizeFault, requireStream } from "./frame-fault.ts";
import { type FrameHeader, FrameType, readUint32, writeFrameHeader, writeUint32 } from "./frame-header.ts";

/** The octets of a whole RST_STREAM frame. */
export const RST_STREAM_LENGTH = 13;

/** The error code of a RST_STREAM frame (RFC 9113 section 6.4). Throws for an invalid frame. */
export function parseRstStream(header: FrameHeader, payload: Buffer): number {
  requireStream("RST_STREAM", header);
  if (payload.length !== 4) throw frameSizeFault("RST_STREAM", payload.length);
  return readUint32(payload, 0);
}

/** Writes a RST_STREAM frame at `at`, and returns the position after it. */
export function writeRstStream(target: Buffer, at: number, streamId: number, errorCode: number): number {
  const payload = writeFrameHeader(target, at, { length: 4, type: FrameType.RST_STREAM, flags: 0, streamId });
  return writeUint32(target, payload, errorCode);
}
