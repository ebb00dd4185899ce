import { createServer, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Duplex } from "node:stream";

import { TrailsumError } from "@trailsum/shared";

import { createReverseProxy } from "./reverse-proxy.ts";
import type { ReverseProxyOptions } from "./reverse-proxy-options.ts";

/** Options of {@link createProxyServer}. */
export interface ProxyServerOptions extends ReverseProxyOptions {
  /** Where to listen. Default: 127.0.0.1, reachable from this machine alone, and port 8081; port 0 picks a free one. */
  readonly listen?: { readonly host?: string | undefined; readonly port?: number | undefined } | undefined;
  /** A certificate chain and its key, both PEM: then HTTPS is spoken to clients. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer } | undefined;
}

/** A server of its own around a reverse proxy. */
export interface ProxyServer {
  /** Starts to listen. Rejects with `USAGE` where the address or the certificate cannot be used. */
  listen(): Promise<{ readonly url: string; readonly port: number }>;
  /**
   * Stops: no new connection, no new request on the open ones. What runs may finish within `graceMs` milliseconds
   * (default 10,000) and is broken off then, tunnels at once.
   */
  close(options?: { readonly graceMs?: number | undefined }): Promise<void>;
}

const settings = {
  // A request may take as long as it takes, as long as bytes come.
  requestTimeout: 0,
  headersTimeout: 30_000,
  keepAliveTimeout: 60_000,
  noDelay: true,
} as const;

/** A ready listener: HTTP/1.1 in the clear or over TLS, upgrades included. */
export function createProxyServer(options: ProxyServerOptions): ProxyServer {
  const { host = "127.0.0.1", port = 8081 } = options.listen ?? {};
  const { tls } = options;
  const proxy = createReverseProxy(options);
  const tunnels = new Set<Duplex>();
  let server: Server | undefined;

  const create = (): Server => {
    const created = tls === undefined ? createServer(settings) : createTlsServer({ ...settings, ...tls });
    created.on("request", (req, res) => void proxy(req, res));
    created.on("checkContinue", (req, res) => void proxy.checkContinue(req, res));
    created.on("upgrade", (req, socket, head) => {
      tunnels.add(socket);
      socket.once("close", () => tunnels.delete(socket));
      void proxy.upgrade(req, socket, head);
    });
    return created;
  };

  return {
    async listen() {
      try {
        server = create();
        const listening = Promise.withResolvers<void>();
        server.once("error", listening.reject).listen(port, host, listening.resolve);
        await listening.promise;
        server.off("error", listening.reject);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new TrailsumError("USAGE", `cannot listen on ${host}:${port}: ${reason}`, { cause: error });
      }
      const address = server.address();
      const bound = typeof address === "object" && address !== null ? address.port : port;
      const authority = `${host.includes(":") ? `[${host}]` : host}:${bound}`;
      return { url: `${tls === undefined ? "http" : "https"}://${authority}`, port: bound };
    },

    async close({ graceMs = 10_000 } = {}) {
      for (const tunnel of tunnels) tunnel.destroy();
      if (server !== undefined) {
        const closing = server;
        const closed = new Promise<void>((resolve) => closing.close(() => resolve()));
        const grace = setTimeout(() => closing.closeAllConnections(), graceMs);
        await closed;
        clearTimeout(grace);
      }
      await proxy.close();
    },
  };
}
