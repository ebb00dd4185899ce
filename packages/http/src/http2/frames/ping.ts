import { frameSizeFault, requireConnection } from "./frame-fault.ts";
import { Flag, FRAME_HEADER_LENGTH, type FrameHeader, FrameType, writeFrameHeader } from "./frame-header.ts";

/** The octets that a PING carries there and back. */
export const PING_PAYLOAD_LENGTH = 8;

/** The octets of a whole PING frame. */
export const PING_LENGTH: number = FRAME_HEADER_LENGTH + PING_PAYLOAD_LENGTH;

/** Whether a PING frame (RFC 9113 section 6.7) is an acknowledgement. Throws for an invalid frame. */
export function parsePing(header: FrameHeader): boolean {
  requireConnection("PING", header);
  if (header.length !== PING_PAYLOAD_LENGTH) throw frameSizeFault("PING", header.length);
  return (header.flags & Flag.ACK) !== 0;
}

/** Writes a PING frame at `at`, and returns the position after it. `payload` has eight octets. */
export function writePing(target: Buffer, at: number, payload: Uint8Array, ack: boolean): number {
  const flags = ack ? Flag.ACK : 0;
  const header = { length: PING_PAYLOAD_LENGTH, type: FrameType.PING, flags, streamId: 0 };
  const start = writeFrameHeader(target, at, header);
  target.set(payload, start);
  return start + PING_PAYLOAD_LENGTH;
}
