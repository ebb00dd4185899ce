import { connect as connectTcp, isIP, type Socket } from "node:net";
import type { ConnectionOptions, TLSSocket } from "node:tls";

import { LONGEST_TIMEOUT } from "@trailsum/shared";
import { clearImmediate, setImmediate } from "@trailsum/shared/streams";
import { errors } from "undici";

import { connectTls } from "./connect-tls.ts";
import { ConnectDiagnostics } from "./diagnostics.ts";
import { openTunnel } from "./tunnel.ts";

/** How to reach an origin: Node's TLS options, and the time limit. `lookup` applies to `http:` too. */
export interface ConnectOptions extends Omit<ConnectionOptions, "host" | "port" | "path" | "socket" | "ALPNProtocols"> {
  /** Milliseconds to establish a connection, TLS included; the connection to a proxy has the same limit again. Default 10,000; 0 for no limit. */
  readonly timeout?: number;
  /** A Unix domain socket to connect to in place of the origin's host and port. */
  readonly socketPath?: string;
}

/** What can be spoken on a connection, under its name in TLS (RFC 7301). */
export type Protocol = "h2" | "http/1.1";

/** The callbacks of a connection attempt. Exactly one is called, asynchronously, unless the attempt is cancelled. */
interface ConnectCallbacks {
  onConnect(socket: Socket, protocol: Protocol): void;
  onError(error: Error): void;
}

/** Whether an exchange failed because no connection could be made, TLS included: nothing was sent then. */
export function isConnectFailure(error: unknown): boolean {
  return error instanceof Error && "connecting" in error && error.connecting === true;
}

/** Opens connections to one origin. */
export interface Connector {
  /** Connects, to speak one of these, the first one rather; gives a function that gives up. Without TLS it is the first one. */
  connect(protocols: readonly Protocol[], callbacks: ConnectCallbacks): () => void;
}

/**
 * A connector for an `http:` or `https:` origin, through a tunnel of `proxy` if there is one. TLS certificates are verified
 * unless the options say otherwise.
 */
export function createConnector(origin: URL, options: ConnectOptions, proxy?: URL): Connector {
  const { timeout = 10_000, socketPath, ...given } = options;
  const secure = origin.protocol === "https:";
  const host = origin.hostname.replace(/^\[|\]$/g, "");
  const port = Number(origin.port || (secure ? 443 : 80));
  const transport = {
    ...given,
    ...(socketPath === undefined ? { host, port } : { path: socketPath }),
    // Half-open, so that this side decides about what arrives after the peer's FIN.
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 60_000,
  };
  let session: Buffer | undefined;
  // SNI does not allow addresses (RFC 6066 section 3).
  const servername = secure ? (given.servername ?? (isIP(host) === 0 ? host : "")) : null;

  function open(protocols: readonly Protocol[], tunnel?: Socket): Socket {
    if (!secure) return connectTcp(transport);
    const resumed = given.session ?? session;
    const socket: TLSSocket = connectTls({
      ...transport,
      ...(tunnel && { socket: tunnel }),
      servername: servername ?? "",
      ...(resumed === undefined ? {} : { session: resumed }),
      ALPNProtocols: [...protocols],
    });
    socket.on("session", (ticket: Buffer) => {
      session = ticket;
    });
    return socket;
  }

  /** Connects to the origin itself, or makes TLS in a tunnel to it. */
  function connect(protocols: readonly Protocol[], waiting: ConnectCallbacks, tunnel?: Socket): () => void {
    let socket: Socket;
    try {
      socket = open(protocols, tunnel);
    } catch (error) {
      // Unusable TLS options: an invalid certificate, or a key without a certificate.
      tunnel?.destroy();
      diagnostics.connectError(error as Error);
      const later = setImmediate(() => waiting.onError(error as Error));
      return () => clearImmediate(later);
    }
    const connected = secure ? "secureConnect" : "connect";
    const settle = (): void => {
      clearTimeout(timer);
      socket.off("error", fail).off("close", closed).off(connected, succeed);
    };
    const succeed = (): void => {
      const protocol = agreedProtocol(socket, protocols);
      if (protocol === undefined) {
        socket.destroy(new errors.SocketError("the server has chosen a protocol (ALPN) that was not offered"));
        return;
      }
      settle();
      diagnostics.connected(socket, protocol);
      waiting.onConnect(socket, protocol);
    };
    const fail = (error: Error): void => {
      settle();
      socket.on("error", ignore);
      tunnel?.destroy();
      // A remembered session that the server does not take must not be tried for ever.
      session = undefined;
      diagnostics.connectError(error);
      waiting.onError(Object.assign(error, { connecting: true }));
    };
    const closed = (): void => fail(new errors.SocketError("closed while connecting"));
    const timer = limited(() => socket.destroy(timedOut(origin, timeout)));
    socket.on("error", fail).on("close", closed).on(connected, succeed);
    return () => {
      settle();
      socket.on("error", ignore);
      socket.destroy();
    };
  }

  function connectThrough(through: URL, protocols: readonly Protocol[], waiting: ConnectCallbacks): () => void {
    const fail = (error: Error): void => {
      clearTimeout(timer);
      diagnostics.connectError(error);
      waiting.onError(Object.assign(error, { connecting: true }));
    };
    let giveUp = openTunnel(through, `${origin.hostname}:${port}`, given, {
      onTunnel(tunnel) {
        clearTimeout(timer);
        if (secure) {
          giveUp = connect(protocols, waiting, tunnel);
          return;
        }
        diagnostics.connected(tunnel, protocols[0]!);
        waiting.onConnect(tunnel, protocols[0]!);
      },
      onError: fail,
    });
    const timer = limited(() => {
      giveUp();
      fail(timedOut(through, timeout));
    });
    return () => {
      clearTimeout(timer);
      giveUp();
    };
  }

  function limited(expire: () => void): NodeJS.Timeout | undefined {
    return timeout > 0 ? setTimeout(expire, Math.min(timeout, LONGEST_TIMEOUT)) : undefined;
  }

  const connector: Connector = {
    connect(protocols, waiting) {
      diagnostics.beforeConnect();
      return proxy === undefined ? connect(protocols, waiting) : connectThrough(proxy, protocols, waiting);
    },
  };
  const { localAddress = null } = given as { localAddress?: string };
  const diagnostics = new ConnectDiagnostics(origin, connector, { servername, localAddress });
  return connector;
}

/** What ALPN says where HTTP/1.1 is to be spoken: nothing, or one of the versions that its messages are understood by. */
const HTTP1: ReadonlySet<unknown> = new Set([undefined, null, false, "", "http/1.1", "http/1.0"]);

/** What is spoken; `undefined` where the server has chosen what was not offered and cannot be spoken. */
export function agreedProtocol(socket: Socket, protocols: readonly Protocol[]): Protocol | undefined {
  if (!("alpnProtocol" in socket)) return protocols[0];
  if (socket.alpnProtocol === "h2") return protocols.includes("h2") ? "h2" : undefined;
  return HTTP1.has(socket.alpnProtocol) ? "http/1.1" : undefined;
}

function timedOut({ host }: URL, timeout: number): Error {
  return new errors.ConnectTimeoutError(`Connect Timeout Error (attempted address: ${host}, timeout: ${timeout}ms)`);
}

function ignore(): void {}
