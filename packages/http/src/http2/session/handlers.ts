import type { FieldLines } from "@trailsum/shared";

import type { ConnectionFault } from "../fault.ts";
import type { Goaway } from "../frames/goaway.ts";
import type { RequestHead } from "../message/request-head.ts";
import type { ResponseHead } from "../message/response-head.ts";
import type { Settings } from "../settings.ts";
import type { Http2Stream } from "./stream.ts";
import type { ServerStream } from "./server-stream.ts";

/** Why a stream was closed before both of its messages were complete. */
export interface StreamReset {
  /** An error code of RFC 9113 section 7, or another one that the peer has chosen. */
  readonly code: number;
  /**
   * Who closed it. `peer`: it sent RST_STREAM. `session`: the peer broke a rule, and was sent RST_STREAM. `goaway`: the peer goes away
   * and has not processed the stream, so the request can be sent again. `connection`: the connection has ended.
   */
  readonly by: "peer" | "session" | "goaway" | "connection";
  /** What happened, for people. */
  readonly reason: string;
}

/**
 * What happens on one stream after its first event. No method may throw: an exception passes through the call of the session, and the
 * connection cannot be used after it.
 */
export interface StreamHandler {
  /**
   * Content, as a view of what was received: it is not copied, and does not change. `Http2Stream.consume` has to be called once it is out
   * of the way, or the peer runs out of window. `endStream` when the message is complete, and agrees with its Content-Length; the
   * piece may be empty then.
   */
  onData(piece: Buffer, endStream: boolean): void;
  /** The trailer section, with which the message is complete, and agrees with its Content-Length. */
  onTrailers(trailers: FieldLines): void;
  /** After `Http2Stream.send` took less than it was given: it takes more now. */
  onWritable(): void;
  /** The stream was closed, and not by a call of its owner. Nothing else follows. */
  onReset(reset: StreamReset): void;
}

/** What happens on a stream of a client. */
export interface ResponseHandler extends StreamHandler {
  /** An interim response (1xx). */
  onInterim(response: ResponseHead): void;
  /** The header section of the final response. With `endStream` there is nothing else to it. */
  onResponse(response: ResponseHead, endStream: boolean): void;
}

/** What happens on a connection. No method may throw, as of {@link StreamHandler}. */
export interface SessionHandler {
  /** There is something to send, where there was nothing: `takeOutput` has to be called, at best at the end of the turn. */
  onOutput(): void;
  /** The peer's SETTINGS have come, or have changed. */
  onSettings(settings: Settings): void;
  /** The peer goes away: no new requests are possible. Streams that it has not processed are reset first. */
  onGoaway(goaway: Goaway): void;
  /** The answer to `Session.ping`. */
  onPong(payload: Buffer): void;
  /** A stream has ended, well or not: it no longer counts. Its own handler has been told before. */
  onStreamClosed(stream: Http2Stream): void;
  /**
   * The session has ended, once: `fault` if the peer broke a rule, nothing after a graceful end. What `takeOutput` gives still has to be
   * sent; then the transport is closed.
   */
  onClosed(fault: ConnectionFault | undefined): void;
}

/** What happens on a connection of a server. */
export interface ServerHandler extends SessionHandler {
  /** A request: its header section is there. With `endStream` there is nothing else to it. Returns what follows the stream. */
  onRequest(stream: ServerStream, request: RequestHead, endStream: boolean): StreamHandler;
}
