import { apache } from "../peers/apache.ts";
import { caddy } from "../peers/caddy.ts";
import { go } from "../peers/go.ts";
import { haproxy } from "../peers/haproxy.ts";
import { nghttpx } from "../peers/nghttpx.ts";
import { nginx } from "../peers/nginx.ts";
import { nodePeer } from "../peers/node-peer.ts";
import type { Version } from "../combination.ts";
import { type Hop, peerHop } from "./hop.ts";
import { ownHop } from "./own-hop.ts";
import { bufferingHop, killingHop, reframingHop } from "./scripted-hops.ts";

/** A way from `trailsum upload` to `trailsum serve`. */
export interface Path {
  /** As people name it: the hops in order, and how they are set up where that matters. */
  readonly name: string;
  /** From the client to the server. */
  readonly hops: readonly Hop[];
  /** What the client speaks with the first hop: HTTP/1.1 in cleartext, or HTTP/2 over TLS. */
  readonly version: Version;
}

const nginxAsIs = peerHop(nginx, { buffered: true });
const nginxStreaming = peerHop(nginx);
const [goHop, caddyHop, haproxyHop, apacheHop, nghttpxHop] = [go, caddy, haproxy, apache, nghttpx].map((peer) =>
  peerHop(peer),
) as [Hop, Hop, Hop, Hop, Hop];
const nodeProxies = ["http-proxy", "httpxy", "@fastify/http-proxy", "http2-proxy", "fast-proxy"].map((dependency) =>
  peerHop(nodePeer(dependency, dependency === "@fastify/http-proxy" ? "fastify-http-proxy" : dependency)),
);

const overBoth: readonly (readonly [name: string, ...hops: readonly Hop[]])[] = [
  ["no hop"],
  ["trailsum proxy", ownHop],
  ["nginx", nginxAsIs],
  ["nginx, without buffering", nginxStreaming],
  ["Go ReverseProxy", goHop],
  ["Caddy", caddyHop],
  ["HAProxy", haproxyHop],
  ["Apache httpd", apacheHop],
  ["nghttpx", nghttpxHop],
  ["nginx, then HAProxy", nginxAsIs, haproxyHop],
  ["trailsum proxy, then Caddy", ownHop, caddyHop],
];

const overHttp1: readonly (readonly [name: string, ...hops: readonly Hop[]])[] = [
  ...nodeProxies.map((hop) => [hop.name, hop] as const),
  ["a hop that re-frames", reframingHop],
  ["a hop that kills the connection at trailers", killingHop],
  ["a hop that buffers whole requests", bufferingHop],
];

/** All paths. */
export const paths: readonly Path[] = [
  ...overBoth.map(([name, ...hops]): Path => ({ name, hops, version: "1.1" })),
  ...overHttp1.map(([name, ...hops]): Path => ({ name, hops, version: "1.1" })),
  ...overBoth.map(([name, ...hops]): Path => ({ name, hops, version: "2" })),
];
