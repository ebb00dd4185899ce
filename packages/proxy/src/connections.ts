import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

/**
 * The connections of a server, and what each is doing, so that a stop cuts off nobody but the idle. Node's own idea of
 * an idle connection includes one whose last response has been ended and is still being sent.
 */
export class Connections {
  readonly #accepted = new Set<Socket>();
  /** How many requests are being answered on what requests come on: over TLS not the socket that was accepted. */
  readonly #running = new Map<Duplex, number>();
  readonly #tunnels = new Set<Duplex>();
  #closing = false;

  accepted(socket: Socket): void {
    this.#accepted.add(socket);
    socket.once("close", () => this.#accepted.delete(socket));
  }

  serves(socket: Duplex): void {
    this.#running.set(socket, 0);
    socket.once("close", () => this.#running.delete(socket));
  }

  /** A request has come; its connection is busy until the response has been sent. */
  answers({ socket }: IncomingMessage, res: ServerResponse): void {
    this.#count(socket, 1);
    res.once("close", () => this.#count(socket, -1));
    if (this.#closing) res.setHeader("Connection", "close");
  }

  /** A connection leaves HTTP. */
  tunnels(socket: Duplex): void {
    this.#running.delete(socket);
    this.#tunnels.add(socket);
    socket.once("close", () => this.#tunnels.delete(socket));
  }

  /** Ends tunnels and idle connections now, and the others as they become idle. */
  close(): void {
    this.#closing = true;
    for (const tunnel of this.#tunnels) tunnel.destroy();
    for (const [socket, requests] of this.#running) if (requests === 0) socket.destroy();
  }

  /** Ends everything. */
  destroy(): void {
    for (const socket of this.#accepted) socket.destroy();
  }

  #count(socket: Duplex, by: number): void {
    const requests = this.#running.get(socket);
    if (requests === undefined) return;
    this.#running.set(socket, requests + by);
    if (this.#closing && requests + by === 0) (socket as Socket).destroySoon();
  }
}
