import { ErrorCode } from "./error-code.ts";
import { ConnectionFault } from "./fault.ts";

/**
 * The states of a stream (RFC 9113 section 5.1, figure 2). Nothing is promised here, as push is refused, so there are no reserved
 * states. H is a HEADERS frame, ES the flag END_STREAM on HEADERS or DATA, R a RST_STREAM frame.
 *
 *                        +--------+
 *                        |  idle  |
 *                        +--------+
 *                            |
 *                            | send H / recv H
 *                            v
 *                        +--------+
 *          recv ES       |        |       send ES
 *         ,--------------|  open  |--------------.
 *         |              |        |              |
 *         v              +--------+              v
 *    +----------+            |             +----------+
 *    |   half-  |            |             |   half-  |
 *    |  closed  |            | send R /    |  closed  |
 *    | (remote) |            | recv R      | (local)  |
 *    +----------+            |             +----------+
 *         |                  v                   |
 *         |  send ES /   +--------+   recv ES /  |
 *         `------------->| closed |<-------------'
 *            send R /    +--------+   send R /
 *            recv R                   recv R
 */
export type StreamState = "idle" | "open" | "half-closed (local)" | "half-closed (remote)" | "closed";

/** The state after HEADERS have opened a stream, from either side. */
export function opened(state: StreamState): StreamState {
  if (state !== "idle") throw new Error(`a stream in the state ${state} cannot be opened`);
  return "open";
}

/** The state after END_STREAM was sent. Callers ask `maySend` first: anything else is a bug. */
export function sentEnd(state: StreamState): StreamState {
  if (state === "open") return "half-closed (local)";
  if (state === "half-closed (remote)") return "closed";
  throw new Error(`END_STREAM cannot be sent in the state ${state}`);
}

/** The state after END_STREAM was received. Throws where the peer may not send it. */
export function receivedEnd(state: StreamState): StreamState {
  requireReceiving(state, "END_STREAM");
  return state === "open" ? "half-closed (remote)" : "closed";
}

/** Whether HEADERS and DATA may be sent. */
export function maySend(state: StreamState): boolean {
  return state === "open" || state === "half-closed (remote)";
}

/** Whether HEADERS and DATA may be received. */
export function mayReceive(state: StreamState): boolean {
  return state === "open" || state === "half-closed (local)";
}

/**
 * Throws for HEADERS or DATA from a peer that has sent END_STREAM. RFC 9113 section 5.1 makes it an error of the stream at least;
 * as no frames can have crossed here, the peer is broken, and it is one of the connection, as for closed streams.
 */
export function requireReceiving(state: StreamState, what: string): void {
  if (mayReceive(state)) return;
  if (state === "idle") throw new ConnectionFault(ErrorCode.PROTOCOL_ERROR, `${what} on an idle stream`);
  throw new ConnectionFault(ErrorCode.STREAM_CLOSED, `${what} after END_STREAM`);
}
