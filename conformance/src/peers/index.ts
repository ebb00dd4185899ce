import { combinations, HTTP1 } from "../combination.ts";
import { apache } from "./apache.ts";
import { caddy } from "./caddy.ts";
import { go } from "./go.ts";
import { haproxy } from "./haproxy.ts";
import { nghttpx } from "./nghttpx.ts";
import { nginx } from "./nginx.ts";
import { nodePeer } from "./node-peer.ts";
import type { Peer } from "./peer.ts";

const toHttp1 = combinations.filter(({ origin }) => origin === HTTP1.origin);

/** All peers that are known, whether they are on this machine or not. */
export const peers: readonly Peer[] = [
  go,
  caddy,
  haproxy,
  nghttpx,
  nginx,
  apache,
  nodePeer("http-proxy", "http-proxy"),
  nodePeer("httpxy", "httpxy", toHttp1),
  nodePeer("@fastify/http-proxy", "fastify-http-proxy", combinations),
  nodePeer("http2-proxy", "http2-proxy", toHttp1),
  nodePeer("fast-proxy", "fast-proxy"),
];
