import { Http2Peer } from "./http2-peer.ts";
import type { Http2PeerOptions } from "./http2-peer.ts";
import { rawServer } from "./raw-server.ts";
import type { RawServer, RawServerOptions } from "./raw-server.ts";

/** Settings of `rawHttp2Server`. With `tls`, ALPN chooses `h2` unless it says otherwise. */
export type RawHttp2ServerOptions = RawServerOptions & Http2PeerOptions;

/** A server that a script plays, frame by frame. */
export interface RawHttp2Server extends RawServer {
  /** The HTTP/2 side of `connections`, in the same order. */
  readonly peers: readonly Http2Peer[];
}

/**
 * Starts a server on 127.0.0.1 that expects HTTP/2 from the first byte and answers every connection by running `script` on it,
 * after the handshake, if there is to be one. Otherwise as `rawServer`.
 */
export async function rawHttp2Server(
  script: (peer: Http2Peer, index: number) => Promise<void> | void,
  options: RawHttp2ServerOptions = {},
): Promise<RawHttp2Server> {
  const peers: Http2Peer[] = [];
  const { tls } = options;
  const server = await rawServer(
    async (connection, index) => {
      const peer = new Http2Peer(connection, "server", options);
      peers.push(peer);
      if (options.handshake !== false) await peer.handshake();
      await script(peer, index);
    },
    tls ? { tls: { ALPNProtocols: ["h2"], ...tls } } : {},
  );
  return { ...server, peers };
}
