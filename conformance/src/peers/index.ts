import { apache } from "./apache.ts";
import { caddy } from "./caddy.ts";
import { go } from "./go.ts";
import { haproxy } from "./haproxy.ts";
import { nginx } from "./nginx.ts";
import { nodePeer } from "./node-peer.ts";
import type { Peer } from "./peer.ts";

/** All peers that are known, whether they are on this machine or not. */
export const peers: readonly Peer[] = [
  go,
  caddy,
  haproxy,
  nginx,
  apache,
  nodePeer("http-proxy", "http-proxy"),
  nodePeer("httpxy", "httpxy"),
  nodePeer("@fastify/http-proxy", "fastify-http-proxy"),
  nodePeer("http2-proxy", "http2-proxy"),
  nodePeer("fast-proxy", "fast-proxy"),
];
