import { constants, type ServerHttp2Session, type ServerHttp2Stream, type ServerOptions } from "node:http2";

import { keepSessionForStream } from "./native-lifetime.ts";

/** So many streams of a session may be reset before it is retired: as soon as it is idle, and in any case. */
const RESETS_UNTIL_IDLE = 64;
const RESETS = 128;

/**
 * Limits of a server's session. A session that {@link superviseSession} watches is retired long before it reaches them.
 *
 * What is queued for a stream stays counted in the session's memory when the stream is reset, some 100 KB of it, or up to
 * 320 KB: the sum must not reach `maxSessionMemory` (in megabytes), where Node resets every new stream with
 * ENHANCE_YOUR_CALM and sends no GOAWAY. Real memory is bounded by flow control and the number of streams.
 *
 * A client that goes on to open streams only to reset them (CVE-2023-44487) loses its session: after `streamResetBurst` of
 * them at once, or then `streamResetRate` a second.
 */
export const sessionLimits: Pick<ServerOptions, "maxSessionMemory" | "streamResetBurst" | "streamResetRate"> = {
  maxSessionMemory: 256,
  streamResetBurst: 500,
  streamResetRate: 33,
};

/**
 * Retires a server's session when many of its streams have been reset, by whichever side: it says GOAWAY, streams that run
 * are finished, and the client opens its next ones on another connection (RFC 9113 section 6.8). It also guards against
 * the crash that {@link keepSessionForStream} describes.
 */
export function superviseSession(session: ServerHttp2Session): void {
  let open = 0;
  let resets = 0;
  session.on("stream", (stream: ServerHttp2Stream) => {
    keepSessionForStream(session, stream);
    open += 1;
    stream.once("close", () => {
      open -= 1;
      if (stream.aborted || stream.rstCode !== constants.NGHTTP2_NO_ERROR) resets += 1;
      const worn = resets >= RESETS || (resets >= RESETS_UNTIL_IDLE && open === 0);
      if (worn && !session.closed && !session.destroyed) session.close();
    });
  });
}
