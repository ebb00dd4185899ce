import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from "node:tls";

import { errors } from "undici";

/** How to reach an origin: Node's TLS options, and how long it may take. */
export interface ConnectOptions extends Omit<ConnectionOptions, "host" | "port" | "path" | "socket" | "ALPNProtocols"> {
  /** Milliseconds until a connection must stand, TLS included. Default 10,000; 0 for no limit. */
  readonly timeout?: number;
  /** A Unix domain socket to connect to in place of the origin's host and port. */
  readonly socketPath?: string;
}

/** Opens connections to one origin. */
export interface Connector {
  /** Connects; gives a function that gives up. Exactly one callback is called, unless it was given up. */
  connect(done: (error: Error | undefined, socket: Socket) => void): () => void;
}

/** A connector for an `http:` or `https:` origin. TLS certificates are verified unless the options say otherwise. */
export function createConnector(origin: URL, options: ConnectOptions): Connector {
  const { timeout = 10_000, socketPath, ...tls } = options;
  const secure = origin.protocol === "https:";
  const host = origin.hostname.replace(/^\[|\]$/g, "");
  const port = Number(origin.port || (secure ? 443 : 80));
  // Half-open, so that what still arrives behind the other side's FIN is ours to judge.
  const tcp = { host, port, allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 };
  let session: Buffer | undefined;

  function open(): Socket {
    if (!secure) return connectTcp(socketPath === undefined ? tcp : { path: socketPath, allowHalfOpen: true });
    const servername = tls.servername ?? (/^[\d.]+$|:/.test(host) ? "" : host);
    const socket: TLSSocket = connectTls({
      ...(socketPath === undefined ? tcp : { path: socketPath, allowHalfOpen: true }),
      ...tls,
      servername,
      ...(session === undefined ? {} : { session }),
      ALPNProtocols: ["http/1.1"],
    });
    socket.on("session", (ticket: Buffer) => {
      session = ticket;
    });
    return socket;
  }

  return {
    connect(done) {
      const socket = open();
      const timer =
        timeout > 0 ? setTimeout(() => socket.destroy(connectTimeout(origin, timeout)), timeout) : undefined;
      const settle = (): void => {
        clearTimeout(timer);
        socket
          .off("error", onError)
          .off("close", onClose)
          .off(secure ? "secureConnect" : "connect", onConnect);
      };
      const onConnect = (): void => {
        settle();
        done(undefined, socket);
      };
      const onError = (error: Error): void => {
        settle();
        socket.on("error", () => {});
        // A remembered session that the server does not take must not be tried for ever.
        session = undefined;
        done(error, socket);
      };
      const onClose = (): void => onError(new errors.SocketError("closed while connecting"));
      socket
        .on("error", onError)
        .on("close", onClose)
        .on(secure ? "secureConnect" : "connect", onConnect);
      return () => {
        settle();
        socket.on("error", () => {});
        socket.destroy();
      };
    },
  };
}

function connectTimeout({ host }: URL, timeout: number): Error {
  return new errors.ConnectTimeoutError(`Connect Timeout Error (attempted address: ${host}, timeout: ${timeout}ms)`);
}
