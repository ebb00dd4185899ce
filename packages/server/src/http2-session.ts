import type { ServerHttp2Session, ServerHttp2Stream, ServerOptions } from "node:http2";

import { sessionLimits, superviseSession } from "@trailsum/shared/http2";

/** What a client may have under way on all streams of a session together. Node gives it back as soon as it arrives. */
const SESSION_WINDOW = 4 * 1024 * 1024;

/** What clients are allowed in a session of HTTP/2. */
export const http2Settings: ServerOptions = {
  settings: {
    // What may be under way on one stream, and is held here where the store is slower: less would not keep a long way
    // busy. Times the streams it is the most that one connection can make this server hold.
    initialWindowSize: 1024 * 1024,
    maxConcurrentStreams: 100,
    // Node sets no limit by itself. It counts 32 bytes more for each line (RFC 9113 section 10.5.1) than HTTP/1.1's
    // 16 KiB do. What is larger is reset with ENHANCE_YOUR_CALM.
    maxHeaderListSize: 32 * 1024,
  },
  ...sessionLimits,
};

/** Gives a session its window, and ends it when nothing has happened on it for so many milliseconds. */
export function tendSession(session: ServerHttp2Session, idleTimeout: number): void {
  session.setLocalWindowSize(SESSION_WINDOW);
  superviseSession(session);
  let streams = 0;
  session.on("stream", (stream: ServerHttp2Stream) => {
    streams += 1;
    stream.once("close", () => (streams -= 1));
  });
  session.setTimeout(idleTimeout, () => {
    // What runs outlives the GOAWAY; the beginning of something that never comes does not.
    if (streams > 0) session.close();
    else session.destroy();
  });
}
