import {
  cannotListen,
  type ClientLimitOptions,
  createListener,
  inboundTimeouts,
  listenAddress,
  type Listener,
  type Listening,
  type ListenOptions,
} from "@trailsum/http/inbound";
import { TrailsumError } from "@trailsum/shared";

import { createForwarder } from "./forwarder.ts";
import type { ReverseProxyOptions } from "./reverse-proxy-options.ts";

/** Options of {@link createProxyServer}. Every time is in milliseconds, and 0 means no limit. */
export interface ProxyServerOptions extends ReverseProxyOptions, ClientLimitOptions {
  /** Where to listen. Default: 127.0.0.1, reachable from this machine alone, and port 8081; port 0 picks a free one. */
  readonly listen?: ListenOptions | undefined;
  /** A certificate chain and its key, both PEM: then HTTPS is spoken to clients. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer } | undefined;
  /** The most bytes in the head of a request. Default 16,384. */
  readonly maxHeaderSize?: number | undefined;
  /**
   * How long nothing may move between the proxy and a client, in either direction, while the client has content to send or
   * a response to take. Milliseconds; 0 for no limit. A silent origin is `agent.bodyTimeout`'s matter: streams that may
   * rest for longer, such as watches, need both.
   * @default 300,000
   */
  readonly idleTimeout?: number | undefined;
}

/** A server for a reverse proxy. */
export interface ProxyServer {
  /** Starts to listen. Rejects with `USAGE` where the address or the certificate cannot be used. */
  listen(): Promise<Listening>;
  /**
   * Uses another certificate for connections that are accepted from now on; those that are open keep theirs. Throws `USAGE` for a
   * certificate and key that cannot be used, without `tls` in the options, and before {@link listen}: nothing changes then.
   */
  renewCertificate(tls: NonNullable<ProxyServerOptions["tls"]>): void;
  /**
   * Stops: no new connection, no new request on the open ones. What runs may finish within `graceMs` milliseconds
   * (default 10,000; 0 is at once) and is aborted then, tunnels at once. Settles when `onExchange` was called for every exchange, or
   * a second after the last connection was closed.
   */
  close(options?: { readonly graceMs?: number | undefined }): Promise<void>;
}

/** How long hooks may take for exchanges whose connections are closed already. Milliseconds. */
const LAST_WORDS = 1_000;

/**
 * A ready listener: HTTP/1.1 in the clear or over TLS, upgrades included, and HTTP/2 on the same port: by ALPN over TLS,
 * and in cleartext for clients that begin with its preface (RFC 9113 section 3.3).
 *
 * @example
 * ```ts
 * import { createProxyServer } from "@trailsum/proxy";
 *
 * const proxy = createProxyServer({ target: "http://127.0.0.1:8080", listen: { port: 0 }, verify: "enforce" });
 * const { url } = await proxy.listen();
 * await proxy.close();
 * ```
 */
export function createProxyServer(options: ProxyServerOptions): ProxyServer {
  const address = listenAddress(options.listen, 8081);
  const { tls } = options;
  const timeouts = inboundTimeouts(options, 300_000);
  const forwarder = createForwarder(options);
  let listener: Listener | undefined;

  return {
    async listen() {
      try {
        listener = createListener({
          handle: (exchange) => forwarder.forward(exchange),
          tls,
          limits: {
            maxHeaderSize: options.maxHeaderSize ?? 16_384,
            maxFields: 1_000,
            maxTrailerSize: options.maxTrailerSize ?? 16_384,
          },
          timeouts,
        });
        return await listener.listen(address);
      } catch (error) {
        throw cannotListen(address, error);
      }
    },

    renewCertificate(renewed) {
      if (listener === undefined) throw new TrailsumError("USAGE", "the server does not listen yet");
      listener.renewCertificate(renewed);
    },

    async close({ graceMs = 10_000 } = {}) {
      await listener?.close(graceMs);
      await forwarder.idle(LAST_WORDS);
      await forwarder.close();
    },
  };
}
