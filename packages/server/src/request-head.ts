import { type Algorithm, FieldLines, parseWantDigest } from "@trailsum/shared";

import type { NodeRequest } from "./node-message.ts";

/** What is known of a request before its content: everything that is decided early is decided from this. */
export interface RequestHead {
  readonly method: string;
  /** The request target as it stood on the wire, or what a framework left of it under a mount point. */
  readonly target: string;
  /** `1.0`, `1.1`, `2.0`. */
  readonly httpVersion: string;
  readonly header: FieldLines;
  /** How many bytes of content there will be; undefined where only the end will tell. */
  readonly size: number | undefined;
  /** Whether the framing leaves room for a trailer section (RFC 9110 section 6.5.1). */
  readonly trailersPossible: boolean;
  /** Whether the sender waits for `100 Continue` before it sends the content (RFC 9110 section 10.1.1). */
  readonly expectsContinue: boolean;
}

/** Reads the head of a request. Node has checked the framing fields before anyone sees them. */
export function requestHead(req: NodeRequest): RequestHead {
  const header = headerOf(req);
  const length = header.getAll("Content-Length")[0];
  const streamed = "stream" in req ? !req.stream.endAfterHeaders : header.has("Transfer-Encoding");
  return {
    method: req.method ?? "GET",
    target: req.url ?? "/",
    httpVersion: req.httpVersion,
    header,
    // Without either framing field there is no content (RFC 9112 section 6.3), nor where the head ended the stream.
    size: length === undefined ? (streamed ? undefined : 0) : Number(length),
    trailersPossible: streamed,
    expectsContinue: header.list("Expect").some((member) => member.toLowerCase() === "100-continue"),
  };
}

/** In HTTP/2 the list starts with pseudo-fields, which are no field lines, and one of which says what `Host` does. */
function headerOf(req: NodeRequest): FieldLines {
  const lines = FieldLines.fromRaw(req.rawHeaders);
  if (!("stream" in req)) return lines;
  const header = lines.without((name) => name.startsWith(":"));
  const authority = lines.get(":authority");
  return authority === undefined || header.has("Host") ? header : header.with("Host", authority);
}

/** The digests that a request asks for, in the order of its fields and its preference (RFC 9530 section 4). */
export function wantedAlgorithms(header: FieldLines): Algorithm[] {
  return ["Want-Repr-Digest", "Want-Content-Digest"].flatMap((field) => parseWantDigest(header.getAll(field)));
}
