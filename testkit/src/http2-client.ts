import { Http2Peer } from "./http2-peer.ts";
import type { Http2PeerOptions } from "./http2-peer.ts";
import { rawClient } from "./raw-client.ts";
import type { RawClientOptions } from "./raw-client.ts";

/** Settings of `rawHttp2Client`. With `tls`, ALPN offers `h2` unless it says otherwise. */
export type RawHttp2ClientOptions = RawClientOptions & Http2PeerOptions;

/**
 * Connects to `port` of 127.0.0.1 and speaks HTTP/2 from the first byte, for requests that no HTTP client would send. Resolves
 * after the handshake, if there is to be one. Destroyed when the test ends.
 */
export async function rawHttp2Client(port: number, options: RawHttp2ClientOptions = {}): Promise<Http2Peer> {
  const { tls } = options;
  const connection = await rawClient(port, tls ? { tls: { ALPNProtocols: ["h2"], ...tls } } : {});
  const peer = new Http2Peer(connection, "client", options);
  if (options.handshake !== false) await peer.handshake();
  return peer;
}
