import type { Server } from "node:http";
import type { Http2Server } from "node:http2";
import { createServer, type Server as NetServer, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";

import { http2Preface } from "@trailsum/http/http2";

/** How a port is opened. */
export interface PortOptions {
  /** A certificate chain and its key, both PEM: then TLS is spoken, and nothing else. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer } | undefined;
  /** How long a client may take for a TLS handshake, or to send its first bytes, in milliseconds. */
  readonly timeout: number;
}

/**
 * One port for two protocols, each of which has a server that does not listen by itself. Over TLS the protocol is chosen
 * by ALPN (RFC 7301), and is HTTP/1.1 for clients that do not offer any; in cleartext a connection that begins with the
 * HTTP/2 preface is HTTP/2 (RFC 9113 section 3.3).
 */
export function createPort(http1: Server, http2: Http2Server, { tls, timeout }: PortOptions): NetServer {
  // Both servers take accepted connections by their `connection` event.
  const hand = (socket: Socket, isHttp2: boolean): void => void (isHttp2 ? http2 : http1).emit("connection", socket);
  if (tls !== undefined) {
    // A client that says http/1.0, as `curl --http1.0` does, is answered as such by the server of HTTP/1.1.
    const settings = { ALPNProtocols: ["h2", "http/1.1", "http/1.0"], handshakeTimeout: timeout, noDelay: true };
    const port = createTlsServer({ ...settings, ...tls });
    // A handshake failed or took too long. Node's HTTPS server closes the socket then; its TLS server leaves it open.
    port.on("tlsClientError", (_error, socket) => socket.destroy());
    return port.on("secureConnection", (socket: TLSSocket) => hand(socket, socket.alpnProtocol === "h2"));
  }
  // An HTTP/1.1 client may end its side after its request.
  return createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    peek(socket, timeout, (isHttp2) => {
      if (isHttp2) socket.allowHalfOpen = false;
      hand(socket, isHttp2);
      process.nextTick(() => socket.resume());
    });
  });
}

/** Detects the protocol by the first bytes of a connection, and leaves it paused with those bytes still to be read. */
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
  // The connection may be lost before a server has taken it over.
  socket.on("error", () => {});
  socket.on("data", onData).on("end", giveUp).on("timeout", giveUp).setTimeout(timeout);
}
