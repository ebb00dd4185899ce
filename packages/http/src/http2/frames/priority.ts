import { ErrorCode } from "../error-code.ts";
import { StreamFault } from "../fault.ts";
import { requireStream } from "./frame-fault.ts";
import type { FrameHeader } from "./frame-header.ts";

/**
 * Checks the form of a PRIORITY frame (RFC 9113 section 6.3). What it says is deprecated, and ignored (section 5.3.2). Throws a
 * {@link StreamFault} for a length other than five octets.
 */
export function checkPriority(header: FrameHeader): void {
  requireStream("PRIORITY", header);
  if (header.length !== 5) {
    throw new StreamFault(ErrorCode.FRAME_SIZE_ERROR, `PRIORITY with a payload of ${header.length} octets`);
  }
}
