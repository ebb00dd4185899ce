import type { Socket } from "node:net";

import type { SocketProgress } from "./socket-progress.ts";
import { unreadLimits } from "./unread-limits.ts";

/**
 * The limits within which a client that has its last answer may still send: what comes is discarded. Closing at once would make the system
 * reset the connection, and the reset can overtake the answer. The response itself has no time limit while the client reads it.
 */
export class LingeringRead {
  readonly #socket: Socket;
  readonly #progress: SocketProgress;
  readonly #idle: number;
  /** When something last moved, as far as the clock of all connections knows, and whether something has since its last look. */
  #since: number = performance.now();
  #moved = false;
  #until: number = this.#since + unreadLimits.time;
  #left: number = unreadLimits.bytes;

  /** `idle` says how long the client may take nothing of the answer. Milliseconds. */
  constructor(socket: Socket, progress: SocketProgress, idle: number) {
    this.#socket = socket;
    this.#progress = progress;
    this.#idle = idle;
  }

  /** Counts octets that came and were discarded. */
  receive(length: number): void {
    this.#moved = true;
    this.#left -= length;
    if (this.#left < 0) this.#socket.destroy();
  }

  /** Closes the connection where the client's time is over. */
  check(now: number): void {
    const unsent = this.#socket.writableLength;
    if (this.#progress.hasMoved() || this.#moved) this.#since = now;
    this.#moved = false;
    if (unsent > 0) this.#until = now + unreadLimits.time;
    const idle = unsent > 0 ? this.#idle : unreadLimits.idle;
    if (now - this.#since > idle || now > this.#until) this.#socket.destroy();
  }
}
