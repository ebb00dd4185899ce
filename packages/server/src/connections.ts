import type { Server } from "node:http";
import type { Http2Server, ServerHttp2Session } from "node:http2";
import type { Server as NetServer, Socket } from "node:net";
import { Server as TlsServer } from "node:tls";

import type { NodeRequest, NodeResponse } from "./node-message.ts";

/** How long a client may take to close its side behind a session that is over, in milliseconds. */
const LINGER_TIME = 1_000;

/**
 * The connections of a server, and what is being answered on them, so that a stop cuts off nobody but the idle. Node's
 * own idea of an idle connection includes one whose last response has been ended and is still being sent.
 */
export class Connections {
  readonly #sockets = new Set<Socket>();
  /** How many requests are being answered on each connection of HTTP/1.1: over TLS not the socket that was accepted. */
  readonly #requests = new Map<Socket, number>();
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #answers = new Set<Promise<void>>();
  #closing = false;

  /** Keeps account of what `port` accepts and the servers of both protocols take over. */
  constructor(port: NetServer, http1: Server, http2: Http2Server) {
    port.on("connection", (socket: Socket) => this.#accept(socket));
    // In the clear a connection is one of HTTP/1.1 until it turns out not to be.
    const idles = (socket: Socket): void => this.#idle(socket);
    if (port instanceof TlsServer) http1.on("connection", idles);
    else port.on("connection", idles);
    http2.on("connection", (socket: Socket) => this.#leave(socket));
    http2.on("session", (session: ServerHttp2Session) => this.#open(session));
  }

  /** Has a request answered, and keeps account of it. */
  answer<Request extends NodeRequest, Response extends NodeResponse>(
    req: Request,
    res: Response,
    how: (req: Request, res: Response) => Promise<void>,
  ): void {
    if (!("stream" in req)) {
      this.#count(req.socket, 1);
      res.once("close", () => this.#count(req.socket, -1));
      if (this.#closing) res.setHeader("Connection", "close");
    }
    const answered = how(req, res).finally(() => this.#answers.delete(answered));
    this.#answers.add(answered);
  }

  /** Closes those that are idle now, and the others as they become idle. */
  close(): void {
    this.#closing = true;
    for (const [socket, requests] of this.#requests) if (requests === 0) socket.destroy();
    // GOAWAY, which a session outlives for as long as it has streams (RFC 9113 section 6.8).
    for (const session of this.#sessions) session.close();
  }

  /** Closes everything. */
  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Settles when no answer is being given any more, and so everything received in part is cleaned up. */
  async answered(): Promise<void> {
    await Promise.all(this.#answers);
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  }

  #idle(socket: Socket): void {
    this.#requests.set(socket, 0);
    socket.once("close", () => this.#requests.delete(socket));
  }

  /** A connection is taken over by a session, which knows by itself whether it is idle, and ends it. */
  #leave(socket: Socket): void {
    this.#requests.delete(socket);
    socket.once("finish", () => setTimeout(() => socket.destroy(), LINGER_TIME).unref());
  }

  #count(socket: Socket, by: number): void {
    const requests = this.#requests.get(socket);
    if (requests === undefined) return;
    this.#requests.set(socket, requests + by);
    if (this.#closing && requests + by === 0) socket.destroySoon();
  }

  #open(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.once("close", () => this.#sessions.delete(session));
    if (this.#closing) session.close();
  }
}
