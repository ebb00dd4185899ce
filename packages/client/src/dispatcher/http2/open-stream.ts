import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionRequestOptions,
  constants,
  type IncomingHttpHeaders,
} from "node:http2";
import { Duplex } from "node:stream";

import { setImmediate } from "@trailsum/shared/http1";
import { keepSessionForStream } from "@trailsum/shared/http2";

import { streamReset } from "./stream-error.ts";

/** Who is told of what happens on a stream. Field sections are name, value, ..., pseudo fields first. */
export interface StreamEvents {
  /** 1xx. */
  onInterim(status: number, raw: string[]): void;
  /** The final response; with `ended` it has nothing but this. */
  onResponse(status: number, raw: string[], ended: boolean): void;
  onContent(content: Buffer): void;
  onTrailers(raw: string[]): void;
  /** The server has ended the stream, and all of it has been told. */
  onEnd(): void;
  /** It takes more content again. */
  onDrain(): void;
  /** All content has left, and trailers are waited for. */
  onWantTrailers(): void;
  /** It is being reset from this side, and what was to be sent stays behind. */
  onCancelled(): void;
  /** Nothing comes or goes any more. */
  onClosed(error: Error | undefined): void;
}

const EVENTS: unique symbol = Symbol("who is told");
const ENDED: unique symbol = Symbol("the server has ended the stream");
const CANCELLED: unique symbol = Symbol("nobody wants it any more");

interface ToldStream extends ClientHttp2Stream {
  [EVENTS]: StreamEvents;
  [ENDED]: boolean;
  [CANCELLED]: boolean;
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
  events: StreamEvents,
): ClientHttp2Stream {
  const stream = session.request(fields, options) as ToldStream;
  keepSessionForStream(session, stream);
  stream[EVENTS] = events;
  stream[ENDED] = false;
  stream[CANCELLED] = false;
  stream.push = push;
  stream.end = end as typeof stream.end;
  stream.destroy = destroy as typeof stream.destroy;
  // One set of listeners for all streams: making one for each would cost as much as the rest of an exchange.
  stream.on("headers", onInterim).on("response", onResponse).on("trailers", onTrailers);
  stream.on("end", onEnd).on("error", ignore).on("close", onClose);
  if (options.endStream !== true) stream.on("drain", onDrain);
  if (options.waitForTrailers === true) stream.on("wantTrailers", onWantTrailers);
  return stream;
}

/** Has the content told of from now on. */
export function readStream(stream: ClientHttp2Stream): void {
  stream.on("data", onData);
}

/** Leaves the stream to whoever gets it: nothing is told of it any more but that it is closed. */
export function releaseStream(stream: ClientHttp2Stream): void {
  stream.off("headers", onInterim).off("response", onResponse).off("trailers", onTrailers);
  stream.off("end", onEnd).off("drain", onDrain);
}

/** Whether END_STREAM has come, though what came before it may still wait to be read. */
export function isServerEnded(stream: ClientHttp2Stream): boolean {
  return (stream as ToldStream)[ENDED];
}

/** Sends and takes nothing more. */
export function cancelStream(stream: ClientHttp2Stream): void {
  // What the server has closed already is let go of: Node would wait for an end of what was sent.
  if (stream.closed) {
    stream.destroy();
    return;
  }
  silence(stream as ToldStream);
  // Node destroys a closed stream at its `end`. Where the socket is still busy RST_STREAM has not left by then, and Node
  // 26 crashes when it comes to ask a destroyed stream for its trailers.
  stream.removeAllListeners("end");
  // Not while nghttp2 is still at what it has received, which may be what is closed.
  setImmediate(() => (stream.closed ? stream.destroy() : stream.close(constants.NGHTTP2_CANCEL)));
}

function silence(stream: ToldStream): void {
  if (!stream[CANCELLED]) stream[EVENTS].onCancelled();
  stream[CANCELLED] = true;
  stream.pause();
}

/** Whoever has got the stream destroys it from anywhere: what has to be sent then waits for nghttp2 too. */
function destroy(this: ToldStream, error?: Error): ClientHttp2Stream {
  const { session } = this;
  if (this.closed || session === undefined || session.destroyed)
    return Duplex.prototype.destroy.call(this, error) as ToldStream;
  silence(this);
  setImmediate(() => Duplex.prototype.destroy.call(this, error));
  return this;
}

/** Node says with `null` that nothing more comes: before it takes the stream for closed if that is so, afterwards if not. */
function push(this: ToldStream, chunk: unknown, encoding?: BufferEncoding): boolean {
  if (this[CANCELLED]) return false;
  if (chunk === null && !this[ENDED]) {
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

function onInterim(this: ToldStream, headers: IncomingHttpHeaders, _flags: number, raw: string[]): void {
  this[EVENTS].onInterim(Number(headers[":status"]), raw);
}

function onResponse(this: ToldStream, headers: IncomingHttpHeaders, flags: number, raw: string[]): void {
  const ended = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
  this[EVENTS].onResponse(Number(headers[":status"]), raw, ended);
}

function onData(this: ToldStream, content: Buffer): void {
  this[EVENTS].onContent(content);
}

function onTrailers(this: ToldStream, _headers: IncomingHttpHeaders, _flags: number, raw: string[]): void {
  this[EVENTS].onTrailers(raw);
}

function onEnd(this: ToldStream): void {
  this[EVENTS].onEnd();
}

function onDrain(this: ToldStream): void {
  this[EVENTS].onDrain();
}

function onWantTrailers(this: ToldStream): void {
  this[EVENTS].onWantTrailers();
}

function onClose(this: ToldStream): void {
  this[EVENTS].onClosed(this.errored ?? undefined);
}

function ignore(): void {}
