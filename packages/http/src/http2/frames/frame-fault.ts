import { ErrorCode } from "../error-code.ts";
import { ConnectionFault } from "../fault.ts";
import type { FrameHeader } from "./frame-header.ts";

/** A frame whose length is not one of its type (RFC 9113 section 4.2). */
export function frameSizeFault(type: string, length: number): ConnectionFault {
  return new ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, `${type} with a payload of ${length} octets`);
}

/** Throws for a frame of the connection on a stream. */
export function requireConnection(type: string, { streamId }: FrameHeader): void {
  if (streamId !== 0) throw new ConnectionFault(ErrorCode.PROTOCOL_ERROR, `${type} on stream ${streamId}`);
}

/** Throws for a frame of a stream on stream 0. */
export function requireStream(type: string, { streamId }: FrameHeader): void {
  if (streamId === 0) throw new ConnectionFault(ErrorCode.PROTOCOL_ERROR, `${type} on stream 0`);
}
