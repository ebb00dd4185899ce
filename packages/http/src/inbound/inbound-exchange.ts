import type { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";

import { type FieldLine, FieldLines, TrailsumError } from "@trailsum/shared";

import type { ContentSource } from "./inbound-content.ts";
import type { InboundRequest } from "./inbound-request.ts";

/**
 * One request of a client and the way to answer it, from any source: a connection of HTTP/1.1, a stream of HTTP/2,
 * or the objects of Node's own server. Nothing that it is asked to send makes it throw but a head that may not be sent.
 */
export interface InboundExchange {
  /** The request. */
  readonly request: InboundRequest;
  /** The connection of the client. */
  readonly connection: ClientConnection;
  /** The content of the request, where it has some. */
  readonly content: ContentSource | undefined;
  /** The status of the final head, once that has been sent: no other can follow. */
  readonly status: number | undefined;
  /** Bytes of content that have come of the request, without framing. */
  readonly contentReceived: number;
  /** Bytes of content of the response that were given to the connection, without framing. */
  readonly contentSent: number;
  /** Whether nothing reaches the client any more. */
  readonly gone: boolean;
  /** Called once, when the client goes away before its response has been sent. */
  onGone: (() => void) | undefined;
  /** Called when more can be written, after `write` has returned false. */
  onDrain: (() => void) | undefined;
  /**
   * Called with a piece that was written when the system has taken it, and its memory is not used any more. Not every piece comes back, and
   * where it is absent none does. To be set before `head`.
   */
  onReleased?: ((piece: Uint8Array) => void) | undefined;
  /** Fields that the final head has besides its own, whatever sends it: see {@link addFields}. */
  addedFields?: FieldLines | undefined;

  /** Sends an interim response (1xx), where the client knows of any. */
  interim(status: number, header: FieldLines): void;
  /** Sends the head of the final response. It leaves with what is written in the same turn, and waits for nothing else. */
  head(head: OutgoingHead): void;
  /** Sends a piece of content; false when no more should come until `onDrain`. */
  write(piece: Buffer): boolean;
  /** Ends the response: these trailers follow its content, where there is room for any. */
  end(trailers: FieldLines): void;
  /**
   * Calls `done` once the last byte has been handed to the system, or `failed` when that can no longer be. Call it once,
   * after `end`.
   */
  whenSent(done: () => void, failed: (error: Error) => void): void;
  /**
   * Aborts the exchange, so that what was sent cannot be mistaken for a complete response. Over HTTP/2 the stream is reset
   * with `resetCode` (default: INTERNAL_ERROR).
   */
  abort(resetCode?: number): void;
  /** The exchange is over for its handler: what is still to come of the request is dealt with. */
  conclude(): void;
  /**
   * Switches to the protocol that the request asked for: answers the client, and gives the connection from there on. Throws
   * where the header may not be sent.
   */
  switchTo(protocol: string, header: FieldLines): Duplex;
}

/** A client's connection, the same object for all its requests. Emits `close` when it has ended. */
export type ClientConnection = EventEmitter & { /** Whether the connection was closed. */ readonly destroyed: boolean };

/** What an exchange fails with when nothing reaches its client any more. */
export function clientGoneError(): TrailsumError {
  return new TrailsumError("ABORTED", "the client went away");
}

/** The head of a response as it is to be sent, and how the end of the message is marked. */
export interface OutgoingHead {
  /** The status code. */
  readonly status: number;
  /** The reason phrase; HTTP/2 does not send it. */
  readonly reason: string;
  /** The header section. */
  readonly header: FieldLines;
  /** Whether content can follow; not after a head that answers HEAD, nor with a status that has none. */
  readonly hasContent: boolean;
  /** Whether there is room for trailers. In HTTP/1.1 the content is chunked then. */
  readonly trailers: boolean;
  /** The `Content-Length` to send, if one is sent. */
  readonly length: string | undefined;
  /** Whether what has not yet come of the request is given up, and with it the connection if it carries nothing else. */
  readonly givesUp: boolean;
}

/** Adds fields to the final head of an exchange, whatever sends it. To be called before `head`. */
export function addFields(exchange: InboundExchange, fields: readonly FieldLine[]): void {
  exchange.addedFields = FieldLines.from([...(exchange.addedFields ?? []), ...fields]);
}

/** The header section of a final head, with the fields that were added to the exchange. */
export function headerWithAdded({ addedFields }: InboundExchange, header: FieldLines): FieldLines {
  return addedFields === undefined ? header : FieldLines.from([...header, ...addedFields]);
}
