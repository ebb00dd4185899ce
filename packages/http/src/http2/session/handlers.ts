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
  /** An error code of RFC 9113 section 7, or any other number that the peer has sent. */
  readonly code: number;
  /**
   * What closed it. `peer`: RST_STREAM from the peer. `session`: the peer broke a rule, and RST_STREAM was sent. `goaway`: GOAWAY from the
   * server, which has not processed the request, so that it can be sent again. `connection`: the end of the connection.
   */
  readonly by: "peer" | "session" | "goaway" | "connection";
  /** What happened, for people. */
  readonly reason: string;
}

/**
 * The events of one stream. No method may throw: the exception would pass through the method of the session that called it, and the session
 * could not be used any more.
 */
export interface StreamHandler {
  /**
   * A piece of content, as a view of the octets that were received. `Http2Stream.consume` has to be called when it has been processed, or the
   * peer runs out of window. With `endStream` the message is complete, and its content agrees with Content-Length; the piece may be empty
   * then.
   */
  onData(piece: Buffer, endStream: boolean): void;
  /** The trailer section. The message is complete, and its content agrees with Content-Length. */
  onTrailers(trailers: FieldLines): void;
  /** `Http2Stream.send` takes more, after it took less than it was given. */
  onWritable(): void;
  /** The stream was closed before it was complete, and not by `Http2Stream.reset`. No event follows. */
  onReset(reset: StreamReset): void;
}

/** The events of a stream of a client. */
export interface ResponseHandler extends StreamHandler {
  /** An interim response (1xx). */
  onInterim(response: ResponseHead): void;
  /** The header section of the final response. With `endStream` the response is complete. */
  onResponse(response: ResponseHead, endStream: boolean): void;
}

/** The events of a connection. No method may throw, as for {@link StreamHandler}. */
export interface SessionHandler {
  /** Output has become available: call `takeOutput`, preferably at the end of this iteration of the event loop. */
  onOutput(): void;
  /** SETTINGS from the peer: what holds after them. */
  onSettings(settings: Settings): void;
  /** GOAWAY from the peer: no new requests are possible. Streams that it has not processed have been reset before. */
  onGoaway(goaway: Goaway): void;
  /** The answer to `Session.ping`. */
  onPong(payload: Buffer): void;
  /** A stream has closed, complete or not, and no longer counts in `streamCount`. The handler of the stream is called before. */
  onStreamClosed(stream: Http2Stream): void;
  /**
   * The session has ended; called once. `fault` is the rule that the peer broke, if that ended it. What `takeOutput` returns still has to be
   * sent; then the transport is to be closed.
   */
  onClosed(fault: ConnectionFault | undefined): void;
}

/** The events of a connection of a server. */
export interface ServerHandler extends SessionHandler {
  /** The header section of a request. With `endStream` the request is complete. Returns the handler of the stream's events. */
  onRequest(stream: ServerStream, request: RequestHead, endStream: boolean): StreamHandler;
}
