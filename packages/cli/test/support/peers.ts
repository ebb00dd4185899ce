import { goToolchain } from "@trailsum/testkit";

import { sendWithGo, serveWithGo } from "./go-peers.ts";
import { sendWithNode, serveWithNode } from "./node-peers.ts";
import type { TrailerCase } from "./trailer-case.ts";

/** What a server answered to a peer. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** What a peer that is a server saw of one upload. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  /** `HTTP/1.1` or `HTTP/2.0`. */
  readonly protocol: string;
  /** The names in `Trailer`, sorted. */
  readonly announced: readonly string[];
  /** The values of `Md5`, `Size` and `Content-Digest` after the content; empty for what did not come. */
  readonly trailers: Readonly<Record<string, string>>;
  /** What it counted and computed itself. */
  readonly size: number;
  readonly digest: string;
}

/**
 * A server as in the article. `PUT` and `POST`: compares what it computes with the trailers, and answers 200, or 400, or
 * below `/panics` nothing at all. `GET /?md5=right&size=wrong&announced=true`: gives `content`, with such trailers.
 */
export interface ServerPeer {
  readonly origin: string;
  /** What it has seen so far. */
  readonly seen: () => Promise<readonly Seen[]>;
}

/** Software of other people that sends and checks digests as trailers. */
export interface Peer {
  readonly name: string;
  /** Whether it can be had here. */
  readonly present: boolean;
  /** Uploads `content` with `POST`, chunked. */
  readonly send: (url: string, reported: TrailerCase) => Promise<Answer>;
  /** Starts a server that ends with the test. */
  readonly serve: () => Promise<ServerPeer>;
}

const go = await goToolchain();

/** Node's own http always, and Go's where there is a toolchain. */
export const peers: readonly Peer[] = [
  { name: "Node's http", present: true, send: sendWithNode, serve: serveWithNode },
  {
    name: go === undefined ? "Go's net/http (skipped: there is no Go toolchain here)" : "Go's net/http",
    present: go !== undefined,
    send: (url, reported) => sendWithGo(url, reported),
    serve: () => serveWithGo(),
  },
];
