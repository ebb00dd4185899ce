import type { ConnectionOptions, TLSSocket } from "node:tls";

/** `tls.connect` of Node. It is loaded with the first connection that needs it: that takes longer than a small upload. */
export function connectTls(options: ConnectionOptions): TLSSocket {
  return process.getBuiltinModule("node:tls").connect(options);
}
