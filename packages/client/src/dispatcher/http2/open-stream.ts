import type { ClientHttp2Session, ClientHttp2Stream, ClientSessionRequestOptions } from "node:http2";
import { Duplex } from "node:stream";

import { streamReset } from "./stream-error.ts";

const ENDED: unique symbol = Symbol("the server has ended the stream");

interface MarkedStream extends ClientHttp2Stream {
  [ENDED]?: boolean;
}

/**
 * Opens a stream both sides of which end only where somebody has ended them. Of its own accord Node ends a stream that
 * is closed, whoever closes it and for whatever reason:
 *
 * - What was to be sent has its END_STREAM before RST_STREAM, and so content that was cut short would look complete.
 *   In Node 26 it may even crash where trailers are waited for.
 * - What is received has its `end` after RST_STREAM(NO_ERROR) or (CANCEL), or a lost connection, all the same.
 */
export function openStream(
  session: ClientHttp2Session,
  fields: readonly string[],
  options: ClientSessionRequestOptions,
): ClientHttp2Stream {
  const stream = session.request(fields, options);
  stream.push = push;
  stream.end = end as typeof stream.end;
  return stream;
}

/** Whether END_STREAM has come, though what came before it may still wait to be read. */
export function isServerEnded(stream: MarkedStream): boolean {
  return stream[ENDED] === true;
}

/** Sends and takes nothing more. */
export function cancel(stream: ClientHttp2Stream, code: number): void {
  // What the server has closed already is let go of: Node would wait for an end of what was sent.
  if (stream.closed) stream.destroy();
  else stream.close(code);
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
  return Duplex.prototype.push.call(this, chunk, encoding);
}

/** Node takes the stream for closed before it ends it. */
function end(this: ClientHttp2Stream, ...given: Parameters<Duplex["end"]>): ClientHttp2Stream {
  if (!this.closed) Duplex.prototype.end.apply(this, given);
  return this;
}
