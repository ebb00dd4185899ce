import type { ClientSession, StreamReset } from "@trailsum/http/http2";

import type { ExchangeStream } from "./exchange-stream.ts";

/**
 * Exchanges whose streams are opened when the turn ends. Until then nothing of them has been written, and they can still go
 * to another connection.
 */
export class UnopenedStreams {
  #waiting: ExchangeStream[] = [];

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  add(stream: ExchangeStream): void {
    this.#waiting.push(stream);
  }

  /** Opens those that the server allows now; what the session will never take is refused with `refusal`. */
  open(session: ClientSession, allowed: number, refusal: StreamReset): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const stream of waiting) {
      if (session.canRequest) stream.begin(session);
      // The response that made room is still being delivered, or the server has just lowered its limit.
      else if (!session.goingAway && session.streamCount >= allowed) this.#waiting.push(stream);
      else stream.refuse(refusal);
    }
  }

  /** The session takes nothing more. */
  refuse(reset: StreamReset): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const stream of waiting) stream.refuse(reset);
  }
}
