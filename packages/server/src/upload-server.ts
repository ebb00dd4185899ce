import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { Server as NetServer, type Socket } from "node:net";

import { TrailsumError } from "@trailsum/shared";

import { fileErrorCode } from "./stores/file-errors.ts";
import { createUploadHandler, type UploadHandlerOptions } from "./upload-handler.ts";

/** Options of {@link createUploadServer}. */
export interface UploadServerOptions extends UploadHandlerOptions {
  /** The address to listen on. Default 127.0.0.1: reachable from this machine alone. */
  readonly host?: string | undefined;
  /** The port to listen on; 0 picks a free one. Default 8080. */
  readonly port?: number | undefined;
  /** A certificate chain and its key, both PEM: then HTTPS is spoken, and nothing else. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer } | undefined;
}

/** A server of its own around an upload handler. */
export interface UploadServer {
  /** Starts to listen. Rejects with `USAGE` where the address or the certificate cannot be used. */
  listen(): Promise<Listening>;
  /**
   * Stops: no new connection, no new request on the open ones. Running transfers may finish within `graceMs`
   * milliseconds (default 10 000); what runs longer is broken off. Settles when everything is closed and cleaned up.
   */
  close(options?: { readonly graceMs?: number | undefined }): Promise<void>;
}

/** Where a server can be reached. */
export interface Listening {
  /** `http://127.0.0.1:8080`, without a trailing slash. */
  readonly url: string;
  readonly port: number;
}

/** A ready server for uploads and downloads, over HTTP/1.1 in the clear or over TLS. */
export function createUploadServer(options: UploadServerOptions): UploadServer {
  const { host = "127.0.0.1", port = 8080, tls } = options;
  const handler = createUploadHandler(options);
  const connections = new Connections();

  const handle =
    (answer: (req: IncomingMessage, res: ServerResponse) => Promise<void>) =>
    (req: IncomingMessage, res: ServerResponse): void =>
      connections.answer(req, res, answer);

  const create = (): Server => {
    const server = tls === undefined ? createServer(settings) : createTlsServer({ ...settings, ...tls });
    server.on("request", handle(handler));
    server.on("checkContinue", handle(handler.checkContinue));
    // Node would answer a bare 417 by itself.
    server.on("checkExpectation", handle(handler));
    server.on("connection", (socket: Socket) => connections.open(socket));
    // What requests come on: over TLS not the socket that was accepted.
    server.on(tls === undefined ? "connection" : "secureConnection", (socket: Socket) => connections.serve(socket));
    return server;
  };

  let server: Server | undefined;
  return {
    async listen() {
      try {
        server = create();
        const listening = Promise.withResolvers<void>();
        server.once("error", listening.reject).listen(port, host, listening.resolve);
        await listening.promise;
        server.off("error", listening.reject);
        return whereabouts(server, tls === undefined ? "http" : "https", host);
      } catch (error) {
        throw new TrailsumError("USAGE", `cannot listen on ${host}:${port}: ${reason(error)}`, { cause: error });
      }
    },

    async close({ graceMs = 10_000 } = {}) {
      // Not the server's own way: it would cut off responses that have been ended and are still being sent.
      const closed = new Promise<unknown>((resolve) =>
        server === undefined ? resolve(undefined) : NetServer.prototype.close.call(server, resolve),
      );
      connections.close();
      const grace = setTimeout(() => connections.destroy(), graceMs);
      await closed;
      clearTimeout(grace);
      // There is nothing left to cut off, and it stops looking for requests that take too long.
      server?.close();
      await connections.answered();
    },
  };
}

const settings = {
  // An upload may take as long as it takes, as long as bytes come: the handler's idle timeout sees to that.
  requestTimeout: 0,
  headersTimeout: 30_000,
  keepAliveTimeout: 5_000,
  // Of TLS alone. The default is two minutes.
  handshakeTimeout: 10_000,
  noDelay: true,
} as const;

/** Keeps account of who is connected and who is being answered, so that a stop cuts off nobody but the idle. */
class Connections {
  readonly #sockets = new Set<Socket>();
  readonly #requests = new Map<Socket, number>();
  readonly #answers = new Set<Promise<void>>();
  #closing = false;

  open(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  }

  serve(socket: Socket): void {
    this.#requests.set(socket, 0);
    socket.once("close", () => this.#requests.delete(socket));
  }

  answer(
    req: IncomingMessage,
    res: ServerResponse,
    how: (req: IncomingMessage, res: ServerResponse) => Promise<void>,
  ): void {
    const { socket } = req;
    this.#count(socket, 1);
    res.once("close", () => this.#count(socket, -1));
    if (this.#closing) res.setHeader("Connection", "close");
    const answered = how(req, res).finally(() => this.#answers.delete(answered));
    this.#answers.add(answered);
  }

  /** Closes those that are idle now, and the others as they become idle. */
  close(): void {
    this.#closing = true;
    for (const [socket, requests] of this.#requests) if (requests === 0) socket.destroy();
  }

  /** Closes everything. */
  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Settles when no answer is being given any more, and so everything received in part is cleaned up. */
  async answered(): Promise<void> {
    await Promise.all(this.#answers);
  }

  #count(socket: Socket, by: number): void {
    const requests = this.#requests.get(socket);
    if (requests === undefined) return;
    this.#requests.set(socket, requests + by);
    if (this.#closing && requests + by === 0) socket.destroySoon();
  }
}

function whereabouts(server: Server, scheme: string, host: string): Listening {
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { url: `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`, port };
}

const reasons: ReadonlyMap<string, string> = new Map([
  ["EADDRINUSE", "something else listens there: stop it, or use another port (0 picks a free one)"],
  ["EADDRNOTAVAIL", "this machine does not have that address: use one that it has, or 0.0.0.0 for all"],
  ["EACCES", "no permission: use a port above 1023"],
  ["ENOTFOUND", "there is no such host"],
]);

function reason(error: unknown): string {
  return reasons.get(fileErrorCode(error) ?? "") ?? (error instanceof Error ? error.message : String(error));
}
