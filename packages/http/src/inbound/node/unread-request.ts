import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import { unreadLimits } from "../unread-limits.ts";

/**
 * Reads and forgets what is still to come of a request that was answered early. Closing at once would make the system
 * reset the connection, and the reset can overtake the answer on its way to a client that is still sending.
 */
export function forgetRest(message: IncomingMessage): void {
  if (message.complete || message.destroyed) return;
  let left = unreadLimits.bytes;
  const cut = (): void => {
    message.destroy();
  };
  const idle = setTimeout(cut, unreadLimits.idle).unref();
  const limit = setTimeout(cut, unreadLimits.time).unref();
  const done = (): void => {
    clearTimeout(idle);
    clearTimeout(limit);
  };
  message.on("error", () => {});
  message.on("end", done).on("close", done);
  message.on("data", (piece: Buffer) => {
    left -= piece.length;
    idle.refresh();
    if (left < 0) cut();
  });
  message.resume();
}

/**
 * Closes a connection behind its last answer, in the same way: what still comes is read and forgotten, and a client that
 * does not close its side is not waited for long.
 */
export function closeBehindAnswer(socket: Duplex): void {
  const limit = setTimeout(() => socket.destroy(), unreadLimits.idle).unref();
  socket.on("close", () => clearTimeout(limit));
  socket.resume();
  socket.end();
}
