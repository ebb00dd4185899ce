import { constants, type Http2ServerRequest, type Http2ServerResponse, type ServerHttp2Stream } from "node:http2";
import { Duplex } from "node:stream";

import { FieldLines, TrailsumError } from "@trailsum/shared";

import type { ContentSource } from "../inbound-content.ts";
import {
  type ClientConnection,
  clientGoneError,
  type InboundExchange,
  type OutgoingHead,
  headerWithAdded,
} from "../inbound-exchange.ts";
import type { InboundRequest } from "../inbound-request.ts";
import { fieldsObject } from "./fields-object.ts";
import { withFieldsSetBefore } from "./fields-set-before.ts";
import { NodeHttp2Content } from "./node-http2-content.ts";
import { nodeHttp2Request } from "./node-http2-request.ts";

/** How a request came through a server of node:http2. */
export interface NodeHttp2ExchangeOptions {
  /** Whether the client waits for a 100, which Node has not sent. */
  readonly waits: boolean;
  /** Whether the target is that of the client, unchanged by a router. */
  readonly original: boolean;
  /** Whether the request has neither content nor trailers. */
  readonly whole: boolean;
}

/**
 * How far the response is:
 *
 *     awaited -> head -> open -> ended -> sent
 *        \-> tunnel                          (`lost` from each of them but `sent`)
 *
 * A `head` waits for content, or for the end of the turn. After `ended` Node still has something to send, after `sent`
 * the system has all of it.
 */
type ResponseState = "awaited" | "head" | "open" | "tunnel" | "ended" | "sent" | "lost";

/** When so much of a response waits, no more should be given. Bytes. */
const HIGH_WATER = 256 * 1024;

/**
 * An exchange of HTTP/2 through a server of Node's: node:http2 and its compatibility API. Its objects lose trailers and
 * cannot reset a stream, so the exchange goes by the stream beneath them, and takes from them what middleware has done:
 * the URL, and the fields set on the response.
 */
export class NodeHttp2Exchange implements InboundExchange {
  /** The request. */
  readonly request: InboundRequest;
  /** The connection of the client. */
  readonly connection: ClientConnection;
  readonly #stream: ServerHttp2Stream;
  readonly #res: Http2ServerResponse;
  readonly #content: NodeHttp2Content;
  onGone: (() => void) | undefined;
  onDrain: (() => void) | undefined;
  addedFields: FieldLines | undefined;
  status: number | undefined;
  contentSent = 0;
  #state: ResponseState = "awaited";
  #head: OutgoingHead | undefined;
  #trailers: FieldLines = FieldLines.empty;
  #blocked = false;

  constructor(req: Http2ServerRequest, res: Http2ServerResponse, { waits, original, whole }: NodeHttp2ExchangeOptions) {
    const { stream } = req;
    this.#stream = stream;
    this.#res = res;
    // A stream that is closed has no session any more, and is all that there is of the connection.
    this.connection = stream.session ?? stream;
    this.request = nodeHttp2Request(req, { whole, waits, original });
    this.#content = new NodeHttp2Content(req, {
      readable: stream,
      whole,
      isResponseSent: () => this.#state === "sent",
    });
    // The response object would send its own, empty trailers, and a second call throws.
    stream.removeAllListeners("wantTrailers");
    stream.end = endOpen as typeof stream.end;
    stream
      .on("close", this.#onClose)
      .on("error", () => {})
      .on("finish", this.#onFinish)
      .on("drain", this.#onDrain);
    if (whole) stream.resume();
    // Middleware may have taken longer than the client waited: its end has been emitted already.
    if (stream.closed || stream.destroyed) this.#onClose();
  }

  get content(): ContentSource | undefined {
    return this.request.content === undefined || this.request.upgrade !== undefined ? undefined : this.#content;
  }

  get contentReceived(): number {
    return this.#content.received;
  }

  get gone(): boolean {
    return this.#state === "lost";
  }

  interim(status: number, header: FieldLines): void {
    if (this.#state !== "awaited" || this.#res.headersSent || this.#stream.closed) return;
    this.#stream.additionalHeaders({ ":status": status, ...fieldsObject(header) });
  }

  /** It waits until something is written or the turn ends: a response without content is then its head alone. */
  head(given: OutgoingHead): void {
    // What follows throws now; Node would throw when the error can no longer be reported.
    if (this.#res.headersSent)
      throw new TrailsumError("INTERNAL", "something in front of the handler has answered the request already");
    const head = { ...given, header: withFieldsSetBefore(this.#res, headerWithAdded(this, given.header)) };
    checkStatus(head.status);
    fieldsObject(head.header);
    this.#head = head;
    this.status = head.status;
    // What a log of middleware reports.
    this.#res.statusCode = head.status;
    if (this.#state === "awaited") this.#state = "head";
    process.nextTick(() => this.#open());
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
    if ((this.#state !== "head" && this.#state !== "open") || this.#stream.closed) return;
    const headAlone = this.#state === "head" && trailers.length === 0;
    this.#trailers = trailers;
    this.#open(headAlone);
    if (this.#state !== "open") return;
    this.#state = "ended";
    this.#stream.end();
  }

  whenSent(done: () => void, failed: (error: Error) => void): void {
    const stream = this.#stream;
    const settle = (): void => {
      stream.off("finish", settle).off("close", settle);
      if (this.#state === "sent") done();
      else failed(clientGoneError());
    };
    if (this.#state === "sent" || stream.closed) settle();
    else stream.once("finish", settle).once("close", settle);
  }

  abort(resetCode: number = constants.NGHTTP2_INTERNAL_ERROR): void {
    if (this.#state === "sent" && this.#content.state === "whole") return;
    this.#stream.close(this.gone ? constants.NGHTTP2_CANCEL : resetCode);
  }

  conclude(): void {
    if (this.#state !== "tunnel") this.#content.discard();
  }

  /** In HTTP/2 the success of an extended CONNECT is a 200 (RFC 8441 section 5). */
  switchTo(_protocol: string, header: FieldLines): Duplex {
    const fields = fieldsObject(withFieldsSetBefore(this.#res, header));
    if (this.#state === "awaited") this.#state = "tunnel";
    this.status = 200;
    this.#stream.respond({ ":status": 200, ...fields });
    return this.#stream;
  }

  /** Sends the head, if it has not been sent. */
  #open(alone = false): void {
    if (this.#state !== "head" || this.#stream.closed) return;
    const { status, header, hasContent, length } = this.#head!;
    const fields = { ":status": status, ...fieldsObject(header) };
    const lengthField = length === undefined || header.has("Content-Length") ? {} : { "content-length": length };
    const endStream = alone || !hasContent;
    this.#state = endStream ? "ended" : "open";
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
      this.#stream.sendTrailers(fieldsObject(this.#trailers));
    } catch {
      this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    }
  };

  readonly #onDrain = (): void => {
    if (!this.#blocked) return;
    this.#blocked = false;
    this.onDrain?.();
  };

  /** Node also finishes the writable side of a stream that was reset. */
  readonly #onFinish = (): void => {
    const { aborted, rstCode } = this.#stream;
    if (this.#state === "ended" && !aborted && rstCode === constants.NGHTTP2_NO_ERROR) this.#state = "sent";
  };

  readonly #onClose = (): void => {
    if (this.#state === "sent") return;
    this.#state = "lost";
    this.onGone?.();
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
