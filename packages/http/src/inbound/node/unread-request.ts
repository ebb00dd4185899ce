import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import { unreadLimits } from "../unread-limits.ts";

/**
 * Reads and discards what is still to come of a request that was answered early. Closing at once would make the system
 * reset the connection, and the reset can overtake the response to a client that is still sending. What exceeds
 * the limits is cut off.
 */
export function discardRest(message: IncomingMessage): void {
  whenDiscarded(message, () => {
    if (!message.complete) message.destroy();
  });
}

/** Reads and discards it likewise, and calls `done` when the request has ended or the limits are exceeded. */
export function whenDiscarded(message: IncomingMessage, done: () => void): void {
  if (message.complete || message.destroyed) {
    done();
    return;
  }
  let left = unreadLimits.bytes;
  const finish = (): void => {
    clearTimeout(idle);
    clearTimeout(limit);
    message.off("data", discard).off("end", finish).off("close", finish);
    done();
  };
  const discard = (piece: Buffer): void => {
    left -= piece.length;
    idle.refresh();
    if (left < 0) finish();
  };
  const idle = setTimeout(finish, unreadLimits.idle).unref();
  const limit = setTimeout(finish, unreadLimits.time).unref();
  message.on("error", () => {});
  message.on("end", finish).on("close", finish).on("data", discard).resume();
}

/**
 * Closes a connection after its last answer, in the same way: what still comes is read and discarded, and a client that
 * does not close its side is not waited for long.
 */
export function closeAfterResponse(socket: Duplex): void {
  const limit = setTimeout(() => socket.destroy(), unreadLimits.idle).unref();
  socket.on("close", () => clearTimeout(limit));
  socket.resume();
  socket.end();
}
