import { constants, type ServerHttp2Stream } from "node:http2";
import { Duplex } from "node:stream";

import { FieldLines, TrailsumError } from "@trailsum/shared";

import type { ContentSink, ContentSource } from "../inbound-content.ts";
import {
  type ClientConnection,
  clientGoneError,
  type InboundExchange,
  type OutgoingHead,
} from "../inbound-exchange.ts";
import type { ClientInfo, InboundRequest } from "../inbound-request.ts";
import { fieldsObject } from "./fields-object.ts";
import { type MountedRequestContext, nodeHttp2Request } from "./node-http2-request.ts";

/** What a stream of HTTP/2 began with. */
export interface StreamBeginning {
  /** Name, value, ... as received, pseudo-header fields included. */
  readonly raw: readonly string[];
  /** Whether nothing follows. */
  readonly whole: boolean;
  /** The trailers that have come already. */
  readonly trailers: FieldLines;
  readonly client: ClientInfo;
  readonly mounted: MountedRequestContext["mounted"];
}

/** When so much of a response waits, no more should be given. Bytes. */
const HIGH_WATER = 256 * 1024;

/** One stream of node:http2: a request and the response to it. */
export class NodeHttp2StreamExchange implements InboundExchange, ContentSource {
  /** The request. */
  readonly request: InboundRequest;
  readonly content: ContentSource | undefined;
  /** Node announces a stream before it reads its content. */
  readonly whole = undefined;
  /** The connection of the client. */
  readonly connection: ClientConnection;
  readonly #stream: ServerHttp2Stream;
  onGone: (() => void) | undefined;
  onDrain: (() => void) | undefined;
  status: number | undefined;
  /** Whether all of the response has been handed to the system. */
  #finished = false;
  contentReceived = 0;
  contentSent = 0;
  gone = false;
  trailers: FieldLines = FieldLines.empty;
  #head: OutgoingHead | undefined;
  #opened = false;
  #ended = false;
  #switched = false;
  /** Whether the rest of the request is discarded. */
  #unwanted = false;
  #trailersOut: FieldLines = FieldLines.empty;
  #sink: ContentSink | undefined;
  #content: "arriving" | "whole" | "lost";
  #blocked = false;

  constructor(stream: ServerHttp2Stream, { raw, trailers, ...context }: StreamBeginning) {
    const { whole } = context;
    this.trailers = trailers;
    this.#stream = stream;
    // A stream that is closed has no session any more, and is all that there is of the connection.
    this.connection = stream.session ?? stream;
    stream.end = endOpen as typeof stream.end;
    this.request = nodeHttp2Request(raw, context);
    this.content = whole || this.request.upgrade !== undefined ? undefined : this;
    this.#content = whole ? "whole" : "arriving";
    stream
      .on("end", this.#onEnd)
      .on("close", this.#onClose)
      .on("error", () => {})
      .on("finish", this.#onFinish)
      .on("drain", this.#onDrain);
    stream.on("trailers", (_fields, _flags, rawTrailers: string[]) => {
      this.trailers = FieldLines.fromRaw(rawTrailers);
    });
    if (whole) stream.resume();
    // Middleware may have taken longer than the client waited: its end has been emitted already.
    if (stream.closed || stream.destroyed) this.#onClose();
  }

  // The response.

  interim(status: number, header: FieldLines): void {
    if (this.#opened || this.status !== undefined || this.#stream.closed) return;
    this.#stream.additionalHeaders({ ":status": status, ...fieldsObject(header) });
  }

  /** It waits until something is written or the turn ends: a response without content is then its head alone. */
  head(head: OutgoingHead): void {
    // Both throw now; Node would throw when the error can no longer be reported.
    checkStatus(head.status);
    fieldsObject(head.header);
    this.#head = head;
    this.status = head.status;
    process.nextTick(this.#onTurn);
  }

  write(piece: Buffer): boolean {
    if (piece.length === 0 || this.#head?.hasContent !== true || this.#stream.closed) return true;
    this.#open();
    this.contentSent += piece.length;
    this.#stream.write(piece);
    this.#blocked = this.#stream.writableLength >= HIGH_WATER;
    return !this.#blocked;
  }

  end(trailers: FieldLines): void {
    if (this.#ended || this.#stream.closed) return;
    this.#ended = true;
    if (!this.#opened && trailers.length === 0) {
      this.#open(true);
      return;
    }
    this.#trailersOut = trailers;
    this.#open();
    this.#stream.end();
  }

  whenSent(done: () => void, failed: (error: Error) => void): void {
    const stream = this.#stream;
    const settle = (): void => {
      stream.off("finish", settle).off("close", settle);
      if (this.#finished) done();
      else failed(clientGoneError());
    };
    if (this.#finished || stream.closed) settle();
    else stream.once("finish", settle).once("close", settle);
  }

  breakOff(resetCode: number = constants.NGHTTP2_INTERNAL_ERROR): void {
    if (this.#finished && this.#content === "whole") return;
    this.#stream.close(this.gone ? constants.NGHTTP2_CANCEL : resetCode);
  }

  /**
   * A server that does not need the rest of a request sends RST_STREAM with NO_ERROR (RFC 9113 section 8.1): when its response has
   * left, which a reset would overtake, and a little later. Until then what comes is read and forgotten, as most stop by
   * themselves, and some that find the answer and the reset in one packet lose the answer (curl 7.88).
   */
  conclude(): void {
    this.#sink = undefined;
    if (this.#switched || this.#content !== "arriving" || this.#stream.closed) return;
    this.#unwanted = true;
    this.#stream.resume();
  }

  /** In HTTP/2 the success of an extended CONNECT is a 200 (RFC 8441 section 5). */
  switchTo(_protocol: string, header: FieldLines): Duplex {
    const fields = fieldsObject(header);
    this.#switched = true;
    this.#opened = true;
    this.status = 200;
    this.#stream.respond({ ":status": 200, ...fields });
    return this.#stream;
  }

  // The content of the request.

  flow(sink: ContentSink): void {
    this.#sink = sink;
    if (this.#content === "lost") sink.onLost();
    // Node emits the end of empty content whether there is a listener or not.
    else if (this.#content === "whole") process.nextTick(() => this.#sink?.onEnd());
    else this.#stream.on("data", this.#onData).resume();
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  leave(): void {
    this.#sink = undefined;
    this.#stream.off("data", this.#onData);
    if (this.#content === "arriving") this.#stream.pause();
  }

  // The session's side.

  /** Ends a request that has its answer, and of which the client has not stopped sending the rest. */
  protected endUnwanted(): void {
    if (this.#unwanted && this.#stream.state.localClose === 1) this.#stream.close(constants.NGHTTP2_NO_ERROR);
  }

  readonly #onData = (piece: Buffer): void => {
    this.contentReceived += piece.length;
    if (this.#sink?.onContent(piece) === false) this.#stream.pause();
  };

  /** Node also ends the content of a stream that was reset: only a stream that is still open has been read completely. */
  readonly #onEnd = (): void => {
    const reset = this.#stream.closed && (this.#stream.rstCode !== constants.NGHTTP2_NO_ERROR || !this.#finished);
    if (this.#content !== "arriving") return;
    if (reset || this.#stream.aborted) {
      this.#lose();
      return;
    }
    this.#content = "whole";
    this.#sink?.onEnd();
  };

  readonly #onDrain = (): void => {
    if (!this.#blocked) return;
    this.#blocked = false;
    this.onDrain?.();
  };

  readonly #onFinish = (): void => {
    const { aborted, rstCode } = this.#stream;
    this.#finished = this.#ended && !aborted && rstCode === constants.NGHTTP2_NO_ERROR;
  };

  readonly #onClose = (): void => {
    if (!this.#finished) this.gone = true;
    this.#lose();
    if (this.gone) this.onGone?.();
  };

  readonly #onTurn = (): void => {
    if (!this.#stream.closed) this.#open();
  };

  #lose(): void {
    if (this.#content !== "arriving") return;
    this.#content = "lost";
    this.#sink?.onLost();
  }

  #open(alone = false): void {
    if (this.#opened) return;
    this.#opened = true;
    const { status, header, hasContent, length } = this.#head!;
    const fields = { ":status": status, ...fieldsObject(header) };
    const lengthField = length === undefined || header.has("Content-Length") ? {} : { "content-length": length };
    const endStream = alone || !hasContent;
    const stream = this.#stream;
    if (!endStream) stream.once("wantTrailers", this.#onWantTrailers);
    try {
      stream.respond({ ...fields, ...lengthField }, { endStream, waitForTrailers: !endStream });
    } catch {
      // Called on the next tick and while content is relayed, where an exception would have no handler.
      stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    }
  }

  readonly #onWantTrailers = (): void => {
    try {
      this.#stream.sendTrailers(fieldsObject(this.#trailersOut));
    } catch {
      this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    }
  };
}

/** HTTP/1.1 has room for more of them than there are (RFC 9110 section 15), and Node's HTTP/2 has not. */
function checkStatus(status: number): void {
  if (status >= 200 && status <= 599) return;
  throw new TrailsumError("PROTOCOL", `the status ${status} may not be sent`, { status: 502 });
}

/** Node ends a stream that it closes, before it resets it, and content that was cut short would look whole. */
function endOpen(this: ServerHttp2Stream, ...given: Parameters<Duplex["end"]>): ServerHttp2Stream {
  if (!this.closed) Duplex.prototype.end.apply(this, given);
  return this;
}
