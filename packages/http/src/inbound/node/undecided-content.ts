import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";

import { isUndecided, PATIENCE } from "../http2/undecided-content.ts";

/**
 * Finds out whether a request of node:http2 has neither content nor trailers: where that is undecided, its first frame is
 * waited for. Calls `onKnown` at once in every other case.
 */
export function whenContentKnown(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  { endStream, onKnown }: { readonly endStream: boolean; readonly onKnown: (whole: boolean) => void },
): void {
  const { ":method": method = "", "content-length": length, expect } = headers;
  if (endStream || !isUndecided({ method, length, expect })) {
    onKnown(endStream);
    return;
  }
  let hasTrailers = false;
  const onTrailers = (): void => {
    hasTrailers = true;
  };
  const settle = (ended: boolean): void => {
    clearTimeout(timer);
    stream.off("readable", onReadable).off("close", onClose).off("trailers", onTrailers);
    onKnown(ended && !hasTrailers);
  };
  // With nothing to read it is the end; Node reports trailers in the same turn.
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
