import { constants, type Http2ServerRequest, type ServerHttp2Stream } from "node:http2";

import { keepSessionForStream } from "./native-lifetime.ts";

/**
 * Keeps the session of a stream as long as the stream, which matters to a server of an application's own, and has the
 * stream release everything once its client has reset it. Node does so too, but not where the reset says
 * NO_ERROR and something waits to be read or to be sent: then it would wait with it until the connection is closed.
 */
export function superviseStream(stream: ServerHttp2Stream): void {
  if (stream.session !== undefined) keepSessionForStream(stream.session, stream);
  // Not at once: Node has not done with it when it says so.
  stream.once("aborted", () => setImmediate(() => stream.destroy()));
}

/** How long a sender that has its answer may still send, in milliseconds. */
const LINGER_TIME = 500;

/**
 * Stops a client that keeps sending after an early response, by RST_STREAM with NO_ERROR (RFC 9113 section 8.1). The
 * connection stays open. Until then what it sends is discarded: most clients stop anyway, and some that find the
 * response and the reset in one packet lose the response (curl 7.88). Node would send the reset at once, or not at all.
 */
export function stopBehindAnswer(req: Http2ServerRequest): void {
  const { stream } = req;
  const stop = (): void => stream.close(constants.NGHTTP2_NO_ERROR);
  const linger = (): void => {
    if (req.readableEnded || stream.endAfterHeaders) return;
    req.resume();
    const limit = setTimeout(stop, LINGER_TIME);
    stream.once("close", () => clearTimeout(limit));
  };
  // The response ends with its trailers, or with its header section if nothing follows.
  stream.once("wantTrailers", linger);
  stream.once("finish", () => setImmediate(() => stream.state.localClose === 1 && linger()));
}
