import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";

/** Whether a stream is a socket of TLS. Its class is not asked: it would have to be loaded, which takes longer than a small upload. */
export function isTlsSocket(stream: Duplex): stream is TLSSocket {
  return "encrypted" in stream && stream.encrypted === true;
}
