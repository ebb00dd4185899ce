import type { Server, ServerResponse } from "node:http";
import type { Http2Server, ServerHttp2Session } from "node:http2";
import type { Server as NetServer, Socket } from "node:net";
import { Server as TlsServer } from "node:tls";

import type { NodeRequest, NodeResponse } from "./node-message.ts";

/** How long a client may take to close its side after the end of a session, in milliseconds. */
const LINGER_TIME = 1_000;

/**
 * The connections of a server and the responses under way on them, so that a stop closes only idle connections. Node also
 * counts a connection as idle whose last response has been ended but is still being sent.
 */
export class Connections {
  readonly #sockets = new Set<Socket>();
  /** The responses under way on each connection of HTTP/1.1: over TLS not the socket that was accepted. */
  readonly #responses = new Map<Socket, Set<ServerResponse>>();
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #answers = new Set<Promise<void>>();
  #closing = false;

  /** Registers what `port` accepts and what the servers of both protocols take over. */
  constructor(port: NetServer, http1: Server, http2: Http2Server) {
    port.on("connection", (socket: Socket) => this.#accept(socket));
    // In the clear a connection is one of HTTP/1.1 until it turns out not to be.
    const idles = (socket: Socket): void => this.#idle(socket);
    if (port instanceof TlsServer) http1.on("connection", idles);
    else port.on("connection", idles);
    http2.on("connection", (socket: Socket) => this.#leave(socket));
    http2.on("session", (session: ServerHttp2Session) => this.#open(session));
  }

  /** Answers a request by `how`, and registers it until that has settled. */
  answer<Request extends NodeRequest, Response extends NodeResponse>(
    req: Request,
    res: Response,
    how: (req: Request, res: Response) => Promise<void>,
  ): void {
    if (!("stream" in req)) {
      this.#begin(req.socket, res as ServerResponse);
    }
    const answered = how(req, res).finally(() => this.#answers.delete(answered));
    this.#answers.add(answered);
  }

  /** Closes those that are idle now, and the others as they become idle. */
  close(): void {
    this.#closing = true;
    for (const [socket, responses] of this.#responses) {
      if (responses.size === 0) socket.destroy();
      for (const response of responses) announceClose(response);
    }
    // GOAWAY, which a session outlives for as long as it has streams (RFC 9113 section 6.8).
    for (const session of this.#sessions) session.close();
  }

  /** The responses under way on a connection of HTTP/1.1, in the order of their requests. */
  responses(socket: Socket): Iterable<ServerResponse> {
    return this.#responses.get(socket) ?? [];
  }

  /** Closes everything. */
  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Settles when every request has been answered, and so every partial upload is cleaned up. */
  async answered(): Promise<void> {
    await Promise.all(this.#answers);
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  }

  #idle(socket: Socket): void {
    this.#responses.set(socket, new Set());
    socket.once("close", () => this.#responses.delete(socket));
  }

  /** A connection is taken over by a session, which knows by itself whether it is idle, and ends it. */
  #leave(socket: Socket): void {
    this.#responses.delete(socket);
    socket.once("finish", () => setTimeout(() => socket.destroy(), LINGER_TIME).unref());
  }

  #begin(socket: Socket, response: ServerResponse): void {
    const responses = this.#responses.get(socket);
    if (responses === undefined) return;
    responses.add(response);
    if (this.#closing) announceClose(response);
    response.once("close", () => {
      responses.delete(response);
      if (this.#closing && responses.size === 0) socket.destroySoon();
    });
  }

  #open(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.once("close", () => this.#sessions.delete(session));
    if (this.#closing) session.close();
  }
}

/** The last response of a connection says that it is the last (RFC 9112 section 9.6). */
function announceClose(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader("Connection", "close");
}
