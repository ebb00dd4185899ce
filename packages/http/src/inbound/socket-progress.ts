import type { Socket } from "node:net";

/** Whether the system takes what is written to a socket. How much waits does not say so: it may be as much again. */
export class SocketProgress {
  readonly #socket: Socket;
  /** How many octets the system had taken at the last look. */
  taken = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Looks whether it has taken any since the last look. */
  hasMoved(): boolean {
    const taken = this.#socket.bytesWritten - this.#socket.writableLength;
    const moved = taken !== this.taken;
    this.taken = taken;
    return moved;
  }
}
