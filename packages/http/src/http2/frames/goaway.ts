import { frameSizeFault, requireConnection } from "./frame-fault.ts";
import {
  FRAME_HEADER_LENGTH,
  type FrameHeader,
  FrameType,
  readUint31,
  readUint32,
  writeFrameHeader,
  writeUint32,
} from "./frame-header.ts";

/** What a GOAWAY frame says (RFC 9113 section 6.8). */
export interface Goaway {
  /** Streams above it were not processed and will not be. */
  readonly lastStreamId: number;
  /** An error code of RFC 9113 section 7, or any other number. */
  readonly errorCode: number;
  /** For people. Octets as latin1. */
  readonly debugData: string;
}

/** Longer debug data is cut. Octets. */
const MAX_DEBUG_DATA = 1024;

/** Reads a GOAWAY frame. Throws for an invalid frame. */
export function parseGoaway(header: FrameHeader, payload: Buffer): Goaway {
  requireConnection("GOAWAY", header);
  if (payload.length < 8) throw frameSizeFault("GOAWAY", payload.length);
  const debugData = payload.toString("latin1", 8, Math.min(payload.length, 8 + MAX_DEBUG_DATA));
  return { lastStreamId: readUint31(payload, 0), errorCode: readUint32(payload, 4), debugData };
}

/** The octets of a GOAWAY frame. */
export function goawayLength({ debugData }: Goaway): number {
  return FRAME_HEADER_LENGTH + 8 + debugData.length;
}

/** Writes a GOAWAY frame at `at`, and returns the position after it. */
export function writeGoaway(target: Buffer, at: number, { lastStreamId, errorCode, debugData }: Goaway): number {
  const length = 8 + debugData.length;
  let position = writeFrameHeader(target, at, { length, type: FrameType.GOAWAY, flags: 0, streamId: 0 });
  position = writeUint32(target, position, lastStreamId);
  position = writeUint32(target, position, errorCode);
  return position + target.write(debugData, position, "latin1");
}
