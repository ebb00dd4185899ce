import { ErrorCode } from "../error-code.ts";
import { ConnectionFault } from "../fault.ts";
import { requireStream } from "./frame-fault.ts";
import type { FrameHeader } from "./frame-header.ts";

/**
 * Refuses a PUSH_PROMISE frame (RFC 9113 section 6.6). A client may not send one (section 8.4), and this client has stated
 * ENABLE_PUSH 0 before its first request, so that a server has seen it before it can send one.
 */
export function refusePushPromise(header: FrameHeader): never {
  requireStream("PUSH_PROMISE", header);
  throw new ConnectionFault(ErrorCode.PROTOCOL_ERROR, "PUSH_PROMISE, though push is not enabled");
}
