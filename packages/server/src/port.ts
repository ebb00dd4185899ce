import type { Server } from "node:http";
import type { Http2Server } from "node:http2";
import { createServer, type Server as NetServer, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";

import { http2Preface } from "@trailsum/shared/http1";

/** How a port is opened. */
export interface PortOptions {
  /** A certificate chain and its key, both PEM: then TLS is spoken, and nothing else. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer } | undefined;
  /** How long a client may take for a TLS handshake, or to send its first bytes, in milliseconds. */
  readonly timeout: number;
}

/**
 * One port for two protocols, each of which has a server that does not listen by itself. Over TLS the protocol is chosen
 * by ALPN (RFC 7301), and is HTTP/1.1 for who does not offer any; in the clear HTTP/2 is what begins with its preface
 * (RFC 9113 section 3.3).
 */
export function createPort(http1: Server, http2: Http2Server, { tls, timeout }: PortOptions): NetServer {
  // They take connections that others have accepted by way of their `connection` event.
  const hand = (socket: Socket, isHttp2: boolean): void => void (isHttp2 ? http2 : http1).emit("connection", socket);
  if (tls !== undefined) {
    // A client that says http/1.0, as `curl --http1.0` does, is answered as such by the server of HTTP/1.1.
    const settings = { ALPNProtocols: ["h2", "http/1.1", "http/1.0"], handshakeTimeout: timeout, noDelay: true };
    const port = createTlsServer({ ...settings, ...tls });
    // Of a handshake that fails or takes too long. Node's servers of HTTPS do this; its server of TLS leaves it open.
    port.on("tlsClientError", (_error, socket) => socket.destroy());
    return port.on("secureConnection", (socket: TLSSocket) => hand(socket, socket.alpnProtocol === "h2"));
  }
  // A client of HTTP/1.1 may end its side behind its request.
  return createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    peek(socket, timeout, (isHttp2) => {
      if (isHttp2) socket.allowHalfOpen = false;
      hand(socket, isHttp2);
      process.nextTick(() => socket.resume());
    });
  });
}

/** Looks at the first bytes of a connection, as many as it takes, and leaves it paused with those bytes still to be read. */
function peek(socket: Socket, timeout: number, then: (isHttp2: boolean) => void): void {
  let first: Buffer = Buffer.alloc(0);
  const onData = (piece: Buffer): void => {
    first = first.length === 0 ? piece : Buffer.concat([first, piece]);
    const preface = http2Preface(first);
    if (preface === "begun") return;
    socket.off("data", onData).off("end", giveUp).off("timeout", giveUp).setTimeout(0);
    socket.pause();
    socket.unshift(first);
    then(preface === "whole");
  };
  const giveUp = (): void => void socket.destroy();
  // It may be lost before anybody has taken it over.
  socket.on("error", () => {});
  socket.on("data", onData).on("end", giveUp).on("timeout", giveUp).setTimeout(timeout);
}
