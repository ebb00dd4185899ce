import type { ClientHttp2Session, ClientHttp2Stream, ClientSessionRequestOptions } from "node:http2";
import { Readable } from "node:stream";

import { streamReset } from "./stream-error.ts";

const ENDED: unique symbol = Symbol("the server has ended the stream");

interface MarkedStream extends ClientHttp2Stream {
  [ENDED]?: boolean;
}

/**
 * Opens a stream that ends only where the server has ended it. Node's own has an `end` for RST_STREAM(NO_ERROR), for
 * RST_STREAM(CANCEL) and for a lost connection as well, and so a cut response would look complete.
 */
export function openStream(
  session: ClientHttp2Session,
  fields: readonly string[],
  options: ClientSessionRequestOptions,
): ClientHttp2Stream {
  const stream = session.request(fields, options);
  stream.push = push;
  return stream;
}

/** Whether END_STREAM has come, though what came before it may still wait to be read. */
export function isServerEnded(stream: MarkedStream): boolean {
  return stream[ENDED] === true;
}

/** Node says with `null` that nothing more comes: before it takes the stream for closed if that is so, afterwards if not. */
function push(this: MarkedStream, chunk: unknown, encoding?: BufferEncoding): boolean {
  if (chunk === null && this[ENDED] !== true) {
    if (this.closed) {
      // Not at once: Node goes on to look at the session of the stream, which a destroyed one has no more.
      process.nextTick(() => this.destroy(streamReset(this.rstCode)));
      return false;
    }
    this[ENDED] = true;
  }
  return Readable.prototype.push.call(this, chunk, encoding);
}
