import type { Socket } from "node:net";

import { type Patience, Watch } from "./watch.ts";

/** One end of a connection: what has arrived, and how far it has been read. */
export class Wire {
  readonly socket: Socket;
  /** The peer sends no more: it said so, or the connection is gone. */
  ended = false;
  /** The connection broke. */
  broken = false;
  #bytes: Buffer = Buffer.alloc(0);
  readonly #watch = new Watch();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
      this.#watch.wake();
    });
    socket.on("end", () => this.#end(false));
    socket.on("error", () => this.#end(true));
    socket.on("close", () => this.#end(false));
  }

  /** What has arrived and has not been taken. */
  get unread(): Buffer {
    return this.#bytes;
  }

  /** Counts all but the last `left` bytes as read. */
  leave(left: number): void {
    this.#bytes = this.#bytes.subarray(this.#bytes.length - left);
  }

  /** Waits until `look` gives something, asking again whenever bytes or the end arrive. `what` is missed if it never does. */
  until<Found>(look: () => Found | undefined, what: string, patience: Patience): Promise<Found> {
    return this.#watch.until(look, () => `${what} did not come, unread: ${this.#rest()}`, patience);
  }

  #end(broken: boolean): void {
    this.ended = true;
    this.broken ||= broken;
    this.#watch.wake();
  }

  #rest(): string {
    return `${JSON.stringify(this.#bytes.toString("latin1").slice(0, 300))}${this.ended ? ", the connection ended" : ""}`;
  }
}
