import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";

import { FieldLines } from "@trailsum/shared";

/** Methods whose requests have no content as a rule (RFC 9110 section 9.3). */
const WITHOUT_CONTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "DELETE", "OPTIONS", "TRACE"]);

/** How long the first sign of content, or of its absence, is waited for. Milliseconds. */
const PATIENCE = 100;

/** What has turned out about the content of a request. */
export interface ContentStart {
  /** Whether there is none, and nothing after it. */
  readonly whole: boolean;
  /** The trailers that have come already. */
  readonly trailers: FieldLines;
}

/**
 * Finds out whether a request has content. In HTTP/2 one without END_STREAM in its header section may still have none:
 * clients end a GET with an empty DATA frame, and in HTTP/1.1 it must not become a GET with chunked content, which many
 * servers refuse. So the first frame is waited for where a method has no content as a rule, no length is given and no
 * 100 is expected. Calls `onKnown` at once in every other case.
 */
export function whenContentKnown(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  { endStream, onKnown }: { readonly endStream: boolean; readonly onKnown: (start: ContentStart) => void },
): void {
  const { ":method": method = "", "content-length": length = "0", expect } = headers;
  if (endStream || !WITHOUT_CONTENT.has(method) || length !== "0" || expect !== undefined) {
    onKnown({ whole: endStream, trailers: FieldLines.empty });
    return;
  }
  let trailers = FieldLines.empty;
  const onTrailers = (_fields: unknown, _flags: unknown, raw: string[]): void => {
    trailers = FieldLines.fromRaw(raw);
  };
  const settle = (ended: boolean): void => {
    clearTimeout(timer);
    stream.off("readable", onReadable).off("close", onClose).off("trailers", onTrailers);
    onKnown({ whole: ended && trailers.length === 0, trailers });
  };
  // With nothing to read it is the end; what trailers there are, Node tells of in the same turn.
  const onReadable = (): void => {
    if (stream.readableLength > 0) settle(false);
    else setImmediate(onEmpty);
  };
  const onEmpty = (): void => {
    if (!stream.destroyed) settle(!stream.closed);
  };
  const onClose = (): void => settle(false);
  const timer = setTimeout(onClose, PATIENCE);
  stream.on("error", () => {});
  stream.once("readable", onReadable).once("close", onClose).on("trailers", onTrailers);
}
