import { Socket } from "node:net";
import type { Duplex } from "node:stream";

import { isTlsSocket } from "./is-tls-socket.ts";

/**
 * Closes a connection so that the peer cannot take the close for an orderly end: with a TCP reset where there can be one,
 * otherwise by destroying it. `Socket.resetAndDestroy` throws on a Unix domain socket (`ERR_INVALID_HANDLE_TYPE`), and the
 * system refuses the reset while the end of the stream is being sent. A TLS connection that is destroyed does not send its
 * close_notify already.
 */
export function resetConnection(connection: Duplex): void {
  const { writableEnded, writableFinished } = connection;
  const ending = writableEnded && !writableFinished;
  if (connection instanceof Socket && !isTlsSocket(connection) && !ending && isTcp(connection))
    connection.resetAndDestroy();
  else connection.destroy();
}

/** A TCP socket that is open knows its peer's address; a Unix domain socket has none. */
function isTcp({ destroyed, remoteAddress }: Socket): boolean {
  return !destroyed && remoteAddress !== undefined;
}
