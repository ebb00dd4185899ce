import { once } from "node:events";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import type { ConnectionOptions } from "node:tls";
import { onTestFinished } from "vitest";
import { RawConnection } from "./raw-connection.ts";

/** Settings of `rawClient`. */
export interface RawClientOptions {
  /** Speak TLS with these settings (`ca`, `ALPNProtocols`, …). The server name is `localhost`. Default: plain TCP. */
  readonly tls?: ConnectionOptions;
}

/** Connects to `port` of 127.0.0.1, for requests that no HTTP client would send. Destroyed when the test ends. */
export async function rawClient(port: number, options: RawClientOptions = {}): Promise<RawConnection> {
  const transport = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  const socket = options.tls ? connectTls({ servername: "localhost", ...options.tls, socket: transport }) : transport;
  onTestFinished(() => {
    socket.destroy();
    transport.destroy();
  });
  await once(socket, options.tls ? "secureConnect" : "connect");
  return new RawConnection(socket, transport);
}
