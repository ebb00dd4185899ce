import { createServer, type IncomingMessage, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { Server as NetServer } from "node:net";

import { TrailsumError } from "@trailsum/shared";

import { Connections } from "./connections.ts";
import { upgradeProtocol } from "./hop-by-hop.ts";
import { hasContent, inboundRequest } from "./request/inbound-request.ts";
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
  // What does not ask for a protocol that can be switched to is a request like any other. Node asks since 24.9.
  shouldUpgradeCallback: (message: IncomingMessage): boolean => {
    const request = inboundRequest(message);
    return upgradeProtocol(request.header) !== undefined && !hasContent(request);
  },
} as const;

/** A ready listener: HTTP/1.1 in the clear or over TLS, upgrades included. */
export function createProxyServer(options: ProxyServerOptions): ProxyServer {
  const { host = "127.0.0.1", port = 8081 } = options.listen ?? {};
  const { tls } = options;
  const proxy = createReverseProxy(options);
  const connections = new Connections();
  let server: Server | undefined;

  const create = (): Server => {
    const created = tls === undefined ? createServer(settings) : createTlsServer({ ...settings, ...tls });
    created.on("connection", (socket) => connections.accepted(socket));
    created.on(tls === undefined ? "connection" : "secureConnection", (socket) => connections.serves(socket));
    created.on("request", (req, res) => {
      connections.answers(req, res);
      void proxy(req, res);
    });
    created.on("checkContinue", (req, res) => {
      connections.answers(req, res);
      void proxy.checkContinue(req, res);
    });
    created.on("upgrade", (req, socket, head) => {
      connections.tunnels(socket);
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
      if (server !== undefined) {
        const closing = server;
        // Not the server's own way: it would cut off what has been ended and is still being sent.
        const closed = new Promise((resolve) => NetServer.prototype.close.call(closing, resolve));
        connections.close();
        const grace = setTimeout(() => connections.destroy(), graceMs);
        await closed;
        clearTimeout(grace);
        // There is nothing left to cut off, and it stops looking for requests that take too long.
        closing.close();
      }
      await proxy.close();
    },
  };
}
