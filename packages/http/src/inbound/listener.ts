import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, Server as TlsServer, type TLSSocket } from "node:tls";

import { LONGEST_TIMEOUT, TrailsumError } from "@trailsum/shared";

import type { MessageLimits } from "../http1/message-reader.ts";
import { bind } from "./bind.ts";
import { Connections } from "./connections.ts";
import { connectionOpened } from "./connection-diagnostics.ts";
import { Http1Connection, type Http1Options } from "./http1/http1-connection.ts";
import { Http2Connection, type Http2Options } from "./http2/http2-connection.ts";
import type { InboundExchange } from "./inbound-exchange.ts";
import { type ListenAddress, listenUrl } from "./listen-address.ts";
import { ProtocolDetector } from "./protocol-detector.ts";
import type { InboundTimeouts } from "./served-connection-options.ts";

/** How clients are listened to. */
export interface ListenerOptions {
  /** Answers one request. It deals with its own errors: the promise never rejects. */
  readonly handle: (exchange: InboundExchange) => Promise<void>;
  /** The certificate chain and the key (PEM) for HTTPS; undefined for HTTP. */
  readonly tls: { readonly cert: string | Buffer; readonly key: string | Buffer } | undefined;
  /** The limits of requests. */
  readonly limits: MessageLimits;
  /** The timeouts of clients. Milliseconds. */
  readonly timeouts: InboundTimeouts;
  /** How much a client may send ahead on all streams of an HTTP/2 connection. Bytes. */
  readonly connectionWindow?: number | undefined;
  /**
   * Whether an HTTP/1.1 client that has ended its side after its requests is still answered.
   * @default false: it is indistinguishable from one that has disconnected, and counts as gone
   */
  readonly answersHalfClosed?: boolean | undefined;
  /** Called for a connection that the system could not accept (ENFILE, ENOBUFS); the server keeps running. */
  readonly onError?: ((error: Error) => void) | undefined;
}

/** Where a server can be reached. */
export interface Listening {
  /** `http://127.0.0.1:8080`, without a trailing slash; `unix:/run/it.sock` for a Unix domain socket. */
  readonly url: string;
  /** The port, also where 0 was asked for; 0 for a Unix domain socket. */
  readonly port: number;
}

/** What accepts connections. */
export interface Listener {
  /** Starts to listen; gives where. */
  listen(address: ListenAddress): Promise<Listening>;
  /**
   * Uses another certificate and key (PEM) for connections that are accepted from now on. Throws `USAGE` for an unusable one, and
   * where TLS is not spoken.
   */
  renewCertificate(tls: NonNullable<ListenerOptions["tls"]>): void;
  /** Stops, at the latest after so many milliseconds. */
  close(graceMs: number): Promise<void>;
}

/** When TCP begins to ask whether a silent client is still there. Milliseconds. */
const KEEP_ALIVE_DELAY = 60_000;

/** So much may wait for a client before the system is asked to take more. Bytes. */
const HIGH_WATER = 256 * 1024;

/**
 * Accepts connections and finds out what is spoken on them: over TLS what was agreed on (RFC 7301), in the clear what
 * the first bytes say. Throws for an invalid certificate.
 */
export function createListener(options: ListenerOptions): Listener {
  const { handle, tls, limits, timeouts, connectionWindow, answersHalfClosed, onError = () => {} } = options;
  const connections = new Connections();
  const protocol = tls === undefined ? "http" : "https";
  const served: Http1Options & Http2Options = {
    handle,
    connections,
    limits,
    timeouts,
    protocol,
    connectionWindow,
    answersHalfClosed,
  };
  // A client that vanished without a word is found out by TCP.
  const keepAlive = { keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_DELAY };
  const settings = { noDelay: true, ...keepAlive, highWaterMark: HIGH_WATER };

  const onPlain = (socket: Socket): void => {
    const unknown = new ProtocolDetector(socket, {
      connections,
      timeout: timeouts.keepAlive,
      onHttp1: (bytes) => {
        const connection = new Http1Connection(socket, served);
        connections.add(connection);
        connection.receive(bytes);
      },
      onHttp2: (bytes) => {
        const connection = new Http2Connection(socket, served);
        connections.add(connection);
        connection.receive(bytes);
      },
    });
    connections.add(unknown);
  };

  const onSecure = (socket: TLSSocket): void => {
    const speaksHttp2 = socket.alpnProtocol === "h2";
    // Not before: a client that disconnects without a handshake would otherwise be waited for.
    socket.allowHalfOpen = true;
    connections.add(speaksHttp2 ? new Http2Connection(socket, served) : new Http1Connection(socket, served));
  };

  const server: Server =
    tls === undefined
      ? createServer({ ...settings, allowHalfOpen: true }, onPlain)
      : createTlsServer(
          {
            ...settings,
            ...tls,
            handshakeTimeout: Math.min(timeouts.head, LONGEST_TIMEOUT),
            // A client that says http/1.0, as `curl --http1.0` does, is answered as such.
            ALPNProtocols: ["h2", "http/1.1", "http/1.0"],
          },
          onSecure,
        );
  // A socket that is not a connection yet: the handshake of TLS is still to come, or fails.
  const accepted = new Set<Socket>();
  // One function for all: a closure for each would stay in memory as long as its connection.
  const forget = function (this: Socket): void {
    accepted.delete(this);
  };
  server.on("connection", (socket: Socket) => {
    accepted.add(socket);
    socket.on("close", forget);
    const closed = connectionOpened(socket, protocol);
    if (closed !== undefined) socket.on("close", closed);
  });
  server.on("tlsClientError", (_error, socket: TLSSocket) => void socket.destroy());

  return {
    async listen(address) {
      await bind(server, address);
      // The system may refuse to accept a connection (ENFILE, ENOBUFS): the connection is lost, and the server keeps running.
      server.on("error", onError);
      const bound = server.address();
      const port = typeof bound === "object" && bound !== null ? bound.port : 0;
      return { url: listenUrl(address, protocol, port), port };
    },

    renewCertificate({ cert, key }) {
      if (!(server instanceof TlsServer))
        throw new TrailsumError("USAGE", "a server that began without TLS cannot be given a certificate");
      try {
        server.setSecureContext({ cert, key });
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new TrailsumError("USAGE", `the certificate and key cannot be used: ${reason}`, { cause });
      }
    },

    async close(graceMs) {
      if (!server.listening) return;
      const closed = new Promise((resolve) => server.close(resolve));
      connections.stop();
      const grace = setTimeout(() => {
        for (const socket of accepted) socket.destroy();
      }, graceMs);
      await closed;
      clearTimeout(grace);
    },
  };
}
