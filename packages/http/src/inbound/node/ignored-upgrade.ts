import type { IncomingMessage } from "node:http";
import type { Server } from "node:net";
import { Server as TlsServer } from "node:tls";

import type { Upgrading } from "./node-exchange.ts";

const UNSUPPORTED = "HTTP/1.1 501 Not Implemented\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/**
 * Ignores the upgrade that a request asks for (RFC 9110 section 7.8). For an `upgrade` event Node has released the
 * connection, has not read the content, and has no way back before 24.9 (`shouldUpgradeCallback`). So the head, without
 * its `Upgrade`, is put in front of what is still to be read, and the server that accepted the connection reads it again:
 * the request takes its usual path, through all middleware in front of the proxy.
 */
export function ignoreUpgrade(req: IncomingMessage, { socket, head }: Upgrading): void {
  const server = "server" in socket ? (socket.server as Server | undefined) : undefined;
  if (server === undefined) {
    socket.end(UNSUPPORTED);
    return;
  }
  if (head.length > 0) socket.unshift(head);
  socket.unshift(Buffer.from(headText(req), "latin1"));
  server.emit(server instanceof TlsServer ? "secureConnection" : "connection", socket);
}

/** The head of a request as it was, without its `Upgrade`. */
function headText({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  let lines = "";
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]!.toLowerCase() !== "upgrade") lines += `${rawHeaders[at]}: ${rawHeaders[at + 1]}\r\n`;
  }
  return `${method} ${url} HTTP/${httpVersion}\r\n${lines}\r\n`;
}
