import { frameSizeFault, requireStream } from "./frame-fault.ts";
import { Flag, FRAME_HEADER_LENGTH, type FrameHeader, FrameType, writeFrameHeader } from "./frame-header.ts";
import { isPadded, unpaddedLength } from "./padding.ts";

/** Exclusive bit, stream dependency and weight: deprecated, and ignored (RFC 9113 section 5.3.2). */
const PRIORITY_LENGTH = 5;

/** The fragment of a field block in a HEADERS frame (RFC 9113 section 6.2), as a view. Throws for an invalid frame. */
export function parseHeaders(header: FrameHeader, payload: Buffer): Buffer {
  requireStream("HEADERS", header);
  const padded = isPadded("HEADERS", header);
  const length = padded ? unpaddedLength("HEADERS", payload.length, payload[0]!) : payload.length;
  const start = padded ? 1 : 0;
  if ((header.flags & Flag.PRIORITY) === 0) return payload.subarray(start, start + length);
  if (length < PRIORITY_LENGTH) throw frameSizeFault("HEADERS with priority", length);
  return payload.subarray(start + PRIORITY_LENGTH, start + length);
}

/** The fragment of a field block in a CONTINUATION frame (RFC 9113 section 6.10), as a view. */
export function parseContinuation(header: FrameHeader, payload: Buffer): Buffer {
  requireStream("CONTINUATION", header);
  return payload;
}

/** A field block to be framed. */
export interface FieldBlock {
  readonly streamId: number;
  readonly endStream: boolean;
  /** Octets. */
  readonly length: number;
}

/** The header of a HEADERS frame that carries a whole field block. */
export function writeHeadersHeader(target: Buffer, at: number, { streamId, endStream, length }: FieldBlock): number {
  const flags = Flag.END_HEADERS | (endStream ? Flag.END_STREAM : 0);
  return writeFrameHeader(target, at, { length, type: FrameType.HEADERS, flags, streamId });
}

/** How many octets a field block takes with its frames. */
export function framedLength(length: number, maxFrameSize: number): number {
  return length + FRAME_HEADER_LENGTH * Math.max(1, Math.ceil(length / maxFrameSize));
}

/** Writes a field block as HEADERS and as many CONTINUATION frames as it takes. Returns the position after them. */
export function writeFieldBlock(
  target: Buffer,
  start: number,
  block: Buffer,
  frame: { readonly streamId: number; readonly endStream: boolean; readonly maxFrameSize: number },
): number {
  const { streamId, endStream, maxFrameSize } = frame;
  let at = start;
  let sent = 0;
  do {
    const length = Math.min(maxFrameSize, block.length - sent);
    const first = sent === 0;
    const last = sent + length === block.length;
    const flags = (last ? Flag.END_HEADERS : 0) | (first && endStream ? Flag.END_STREAM : 0);
    const type = first ? FrameType.HEADERS : FrameType.CONTINUATION;
    at = writeFrameHeader(target, at, { length, type, flags, streamId });
    at += block.copy(target, at, sent, sent + length);
    sent += length;
  } while (sent < block.length);
  return at;
}
