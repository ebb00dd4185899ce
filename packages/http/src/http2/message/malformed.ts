import { ErrorCode } from "../error-code.ts";
import { StreamFault } from "../fault.ts";

/** Longer reasons, which quote what the peer has sent, are cut. Characters. */
const MAX_REASON = 200;

/** A malformed request or response: an error of its stream, of type PROTOCOL_ERROR (RFC 9113 section 8.1.1). */
export function malformed(what: string): StreamFault {
  return new StreamFault(ErrorCode.PROTOCOL_ERROR, `malformed message: ${what.slice(0, MAX_REASON)}`);
}
