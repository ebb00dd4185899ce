import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { TlsOptions } from "node:tls";
import { onTestFinished } from "vitest";
import { RawConnection } from "./raw-connection.ts";

/** Settings of `rawServer`. */
export interface RawServerOptions {
  /** Speak TLS, with this key and certificate (and `ALPNProtocols`, if any). Default: plain TCP. */
  readonly tls?: TlsOptions;
}

/** A server that a script plays. */
export interface RawServer {
  readonly port: number;
  /** `http://127.0.0.1:<port>`, or `https:` with TLS. No trailing slash. */
  readonly origin: string;
  /** Every connection so far, in the order in which they came, closed ones included. */
  readonly connections: readonly RawConnection[];
  /** Settles when every script started so far is through; rejects with the first error that one threw. */
  finished(): Promise<void>;
}

/**
 * Starts a server on 127.0.0.1 that answers every connection by running `script` on it: the hostile, broken or merely exact
 * peer of a wire-level test. `index` counts the connections from 0. Both directions are half-closed on their own.
 *
 * A connection stays open after its script, unless the script closed it. A script that throws has its connection reset and
 * fails the test. When the test ends, everything is torn down at once.
 */
export async function rawServer(
  script: (connection: RawConnection, index: number) => Promise<void> | void,
  options: RawServerOptions = {},
): Promise<RawServer> {
  const connections: RawConnection[] = [];
  const scripts: Promise<void>[] = [];
  let over = false;
  const open = new Map<string, Socket>();
  const accept = (socket: Socket): void => {
    const connection = new RawConnection(socket, open.get(peer(socket)));
    const index = connections.push(connection) - 1;
    const play = async (): Promise<void> => {
      try {
        await script(connection, index);
      } catch (error) {
        connection.reset();
        // What a script is still waiting for when the test is over is not a failure.
        if (!over) throw error;
      }
    };
    const played = play();
    played.catch(() => {});
    scripts.push(played);
  };
  const server = options.tls
    ? createTlsServer({ allowHalfOpen: true, ...options.tls }, accept)
    : createServer({ allowHalfOpen: true }, accept);
  // Before `accept`: with TLS this is the TCP socket below, and without it the same one.
  server.prependListener("connection", (socket: Socket) => {
    const key = peer(socket);
    open.set(key, socket);
    socket.once("close", () => open.delete(key));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    over = true;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of open.values()) socket.destroy();
    await closed;
    await Promise.all(scripts);
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    origin: `${options.tls ? "https" : "http"}://127.0.0.1:${port}`,
    connections,
    finished: async () => {
      await Promise.all(scripts);
    },
  };
}

function peer(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
