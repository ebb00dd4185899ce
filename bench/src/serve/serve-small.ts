import type { Report } from "../report.ts";
import { compareReceivers, LANES } from "./receivers.ts";

const NODE = "the same handler on node:http";

/** What it costs to receive, verify and keep a small upload: on our own server, and on that of Node. */
export function serveSmall(): Promise<Report> {
  return compareReceivers({
    name: "serve-small",
    about: `PUT of 256 bytes in a chunk with two trailers over HTTP/1.1, verified and kept in memory; ${LANES} connections, each asking again at once.`,
    receivers: [
      { name: "trailsum, its own server", kind: "trailsum", exchange: "small-upload" },
      { name: NODE, kind: "node", exchange: "small-upload" },
    ],
    beside: { name: NODE, title: "times node:http" },
  });
}
