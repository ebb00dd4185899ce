import { once } from "node:events";
import type { Server as HttpServer } from "node:http";
import type { AddressInfo, Server, Socket } from "node:net";
import { Server as TlsServer } from "node:tls";
import { onTestFinished } from "vitest";

import { defaultTimeout } from "./deadline.ts";

/** Where a server of a test can be reached. */
export interface Listening {
  readonly port: number;
  /** `http://127.0.0.1:<port>`, or `https:` for a TLS server. No trailing slash. */
  readonly origin: string;
  /** The same as `origin`, as a URL. */
  readonly url: URL;
  /** How many connections are open now. */
  connections(): number;
}

/** Settings of `listen`. */
export interface ListenOptions {
  /**
   * Milliseconds that clients have to go away when the test has ended. Default: 30 seconds, longer than any decent shutdown
   * takes on a busy machine, and shorter than the runner's patience.
   */
  readonly drainTimeout?: number;
}

/**
 * Starts `server` (net, tls, http, https or http2) on a free port of 127.0.0.1. Call it inside a test or `beforeEach`.
 *
 * When the test ends the server is closed, and the test waits until no one is connected any more. Idle keep-alive connections
 * of HTTP servers are closed by the server itself, those that were never used as well; anything else still open after `drainTimeout` is a leak and fails the test.
 */
export async function listen(
  server: Server,
  { drainTimeout = defaultTimeout }: ListenOptions = {},
): Promise<Listening> {
  const open = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  onTestFinished(() => drain(server, open, drainTimeout));
  const origin = `${server instanceof TlsServer ? "https" : "http"}://127.0.0.1:${port}`;
  return { port, origin, url: new URL(origin), connections: () => open.size };
}

async function drain(server: Server, open: Set<Socket>, drainTimeout: number): Promise<void> {
  const closed = server.listening ? new Promise<void>((resolve) => server.close(() => resolve())) : Promise.resolve();
  // A connection that goes idle just after close() would otherwise be kept until its keep-alive timeout.
  const sweep = setInterval(() => closeIdle(server, open), 20);
  const leaked = await Promise.race([
    Promise.all([closed, ...Array.from(open, closing)]).then(() => 0),
    new Promise<number>((resolve) => {
      setTimeout(() => resolve(open.size), drainTimeout).unref();
    }),
  ]);
  clearInterval(sweep);
  if (leaked === 0) return;
  const peers = Array.from(
    open,
    (socket) => `from port ${socket.remotePort} (${socket.bytesRead} bytes read, ${socket.bytesWritten} written)`,
  );
  for (const socket of open) socket.destroy();
  await closed;
  throw new Error(
    `the test left ${leaked} connection(s) open for ${drainTimeout} ms after its end: ${peers.join(", ")}`,
  );
}

// Not events.once, which takes the error of a connection that the client reset for a failure.
function closing(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

function closeIdle(server: Server, open: ReadonlySet<Socket>): void {
  // Of http.Server and of https.Server, which share no ancestor that has it.
  if (!("closeIdleConnections" in server)) return;
  (server as HttpServer).closeIdleConnections();
  // To Node a connection is idle after its first request only; its client keeps an unused one for seconds.
  for (const socket of open) if (socket.bytesRead === 0) socket.destroy();
}
