import type { Report } from "../report.ts";
import { compareReceivers, LANES } from "./receivers.ts";

const PLAIN = "a plain PUT with Repr-Digest";

/** What it costs to receive a file as clients of S3 send it, beside the same file as a plain resource. */
export function serveS3(): Promise<Report> {
  return compareReceivers({
    name: "serve-s3",
    about: `PUT of 10 KiB over HTTP/1.1 with its digest in the header, verified and kept in memory; ${LANES} connections, each asking again at once. S3: a signature, the digest of the content and a crc32.`,
    receivers: [
      { name: "PutObject of S3", kind: "s3", exchange: "put-object" },
      { name: PLAIN, kind: "trailsum", exchange: "put-file" },
    ],
    beside: { name: PLAIN, title: "times the plain PUT" },
  });
}
