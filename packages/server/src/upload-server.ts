import { createServer, type ServerOptions } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Session } from "node:http2";
import type { Server as NetServer, Socket } from "node:net";

import { fileErrorCode } from "@trailsum/files";
import { TrailsumError } from "@trailsum/shared";

import { closeAfterClientError } from "./client-error.ts";
import { Connections } from "./connections.ts";
import { http2Settings, tendSession } from "./http2-session.ts";
import type { NodeRequest, NodeResponse } from "./node-message.ts";
import { createPort } from "./port.ts";
import { ALLOW, createUploadHandler, type UploadHandlerOptions } from "./upload-handler.ts";

/** Options of {@link createUploadServer}. */
export interface UploadServerOptions extends UploadHandlerOptions {
  /** The address to listen on. Default 127.0.0.1: reachable from this machine alone. */
  readonly host?: string | undefined;
  /** The port to listen on; 0 picks a free one. Default 8080. */
  readonly port?: number | undefined;
  /** A certificate chain and its key, both PEM: enables TLS, and disables cleartext. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer } | undefined;
}

/** A server with an upload handler. */
export interface UploadServer {
  /** Starts to listen. Rejects with `USAGE` if the address or the certificate cannot be used. */
  listen(): Promise<Listening>;
  /**
   * Stops: no new connection, no new request on the open ones. Running transfers may finish within `graceMs`
   * milliseconds (default 10 000); what runs longer is aborted. Resolves when everything is closed and cleaned up.
   */
  close(options?: { readonly graceMs?: number | undefined }): Promise<void>;
}

/** Where a server can be reached. */
export interface Listening {
  /** `http://127.0.0.1:8080`, without a trailing slash. */
  readonly url: string;
  /** The port, also where 0 was asked for. */
  readonly port: number;
}

/**
 * A ready server for uploads and downloads. It speaks HTTP/1.1 and HTTP/2 on one port: over TLS as the client chooses by
 * ALPN, and in cleartext HTTP/2 with prior knowledge.
 */
export function createUploadServer(options: UploadServerOptions): UploadServer {
  const { host = "127.0.0.1", port = 8080, tls } = options;
  const handler = createUploadHandler(options);
  const http1 = createServer(http1Settings);
  const http2 = createHttp2Server(http2Settings);
  let listener: NetServer | undefined;
  let connections: Connections | undefined;

  const handle =
    (answer: (req: NodeRequest, res: NodeResponse) => Promise<void>) =>
    (req: NodeRequest, res: NodeResponse): void =>
      connections?.answer(req, res, answer);

  for (const server of [http1, http2]) {
    server.on("request", handle(handler));
    server.on("checkContinue", handle(handler.checkContinue));
    // Node would answer a bare 417 by itself.
    server.on("checkExpectation", handle(handler.checkContinue));
  }
  // Node would close the connection without a response.
  http1.on("connect", (_req, socket: Socket) => {
    socket.on("error", () => {}).end(CONNECT_REFUSED, () => socket.destroy());
  });
  http1.on("clientError", (error, socket: Socket) => {
    closeAfterClientError(error, socket, connections?.responses(socket) ?? []);
  });
  http2.on("session", (session: ServerHttp2Session) => tendSession(session, IDLE_TIMEOUT));

  return {
    async listen() {
      try {
        listener = createPort(http1, http2, { tls, timeout: HANDSHAKE_TIMEOUT });
        connections = new Connections(listener, http1, http2);
        const listening = Promise.withResolvers<void>();
        listener.once("error", listening.reject).listen(port, host, listening.resolve);
        await listening.promise;
        listener.off("error", listening.reject);
        // A connection that cannot be accepted, for want of descriptors, say, is that connection's loss alone.
        listener.on("error", (error) => options.logger?.error(`cannot accept a connection: ${error.message}`, error));
        // Node checks headersTimeout only after this event.
        http1.emit("listening");
        return listeningAddress(listener, tls === undefined ? "http" : "https", host);
      } catch (error) {
        throw new TrailsumError("USAGE", `cannot listen on ${host}:${port}: ${reason(error)}`, { cause: error });
      }
    },

    async close({ graceMs = 10_000 } = {}) {
      const closed = new Promise<unknown>((resolve) =>
        listener === undefined ? resolve(undefined) : listener.close(resolve),
      );
      connections?.close();
      const grace = setTimeout(() => connections?.destroy(), graceMs);
      await closed;
      clearTimeout(grace);
      http1.close();
      await connections?.answered();
    },
  };
}

/** RFC 9110 section 15.5.6. */
const CONNECT_REFUSED = `HTTP/1.1 405 Method Not Allowed\r\nAllow: ${ALLOW}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;

/** How long a client may take for its handshake, or to send its first bytes. */
const HANDSHAKE_TIMEOUT = 10_000;

const http1Settings: ServerOptions = {
  // An upload may take any time as long as bytes arrive: the handler's idle timeout ends one that stalls.
  requestTimeout: 0,
  headersTimeout: 30_000,
  keepAliveTimeout: 5_000,
};

/** How long a session of HTTP/2 is kept without anything happening on it. */
const IDLE_TIMEOUT = 60_000;

function listeningAddress(server: NetServer, scheme: string, host: string): Listening {
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
