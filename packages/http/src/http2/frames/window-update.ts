import { frameSizeFault } from "./frame-fault.ts";
import { FrameType, readUint31, writeFrameHeader, writeUint32 } from "./frame-header.ts";

/** The octets of a whole WINDOW_UPDATE frame. */
export const WINDOW_UPDATE_LENGTH = 13;

/** The increment of a WINDOW_UPDATE frame (RFC 9113 section 6.9); 0 is for the receiver to refuse. */
export function parseWindowUpdate(payload: Buffer): number {
  if (payload.length !== 4) throw frameSizeFault("WINDOW_UPDATE", payload.length);
  return readUint31(payload, 0);
}

/** Writes a WINDOW_UPDATE frame at `at`, and returns the position after it. Stream 0 is the connection. */
export function writeWindowUpdate(target: Buffer, at: number, streamId: number, increment: number): number {
  const payload = writeFrameHeader(target, at, { length: 4, type: FrameType.WINDOW_UPDATE, flags: 0, streamId });
  return writeUint32(target, payload, increment);
}
