import { ErrorCode } from "../error-code.ts";
import { ConnectionFault } from "../fault.ts";
import { frameSizeFault } from "./frame-fault.ts";
import { Flag, type FrameHeader } from "./frame-header.ts";

/** Whether the payload begins with the length of padding. Throws where it has no room for it (RFC 9113 section 4.2). */
export function isPadded(type: string, { flags, length }: FrameHeader): boolean {
  if ((flags & Flag.PADDED) === 0) return false;
  if (length === 0) throw frameSizeFault(`padded ${type}`, length);
  return true;
}

/** The octets between the padding and its length. Throws for padding that leaves no room (RFC 9113 sections 6.1 and 6.2). */
export function unpaddedLength(type: string, length: number, padding: number): number {
  if (padding < length) return length - 1 - padding;
  throw new ConnectionFault(ErrorCode.PROTOCOL_ERROR, `${type} with ${padding} octets of padding in ${length}`);
}
