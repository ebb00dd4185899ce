import type { ServerHttp2Stream } from "node:http2";

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
