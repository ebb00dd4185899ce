import { requireStream } from "./frame-fault.ts";
import { Flag, type FrameHeader, FrameType, writeFrameHeader } from "./frame-header.ts";
import { isPadded } from "./padding.ts";

/** Whether a DATA frame (RFC 9113 section 6.1) is padded. Throws for an invalid frame. */
export function checkData(header: FrameHeader): boolean {
  requireStream("DATA", header);
  return isPadded("DATA", header);
}

/** The header of a DATA frame whose `length` octets of content follow. */
export function writeDataHeader(
  target: Buffer,
  at: number,
  frame: { readonly streamId: number; readonly length: number; readonly endStream: boolean },
): number {
  const { streamId, length, endStream } = frame;
  return writeFrameHeader(target, at, {
    length,
    type: FrameType.DATA,
    flags: endStream ? Flag.END_STREAM : 0,
    streamId,
  });
}
