import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";

import { errors } from "undici";

import { type ConnectionTimeouts, mayRepeat, type ResponseLimits } from "../connection.ts";
import { ContentSender, type ContentSink } from "../content-sender.ts";
import type { Exchange, ExchangeCarrier } from "../exchange.ts";
import { IdleTimer } from "../idle-timer.ts";
import { isReplayable } from "../request-body.ts";
import { cancel, isServerEnded, openStream } from "./open-stream.ts";
import { extendedConnectFields, hasContent, requestFields } from "./request-fields.ts";
import { responseFields, trailerFields } from "./response-fields.ts";
import { streamReset } from "./stream-error.ts";

/** The connection that a stream is on. */
export interface StreamOwner {
  readonly url: URL;
  readonly timeouts: ConnectionTimeouts;
  readonly limits: ResponseLimits;
  /** Whether anything has ever come in answer to a request. */
  readonly proven: boolean;
  /** Why the connection is lost, if it is: `error` is what the stream was told. */
  lost(error: Error | undefined): Error | undefined;
  /** Something has come from the server. */
  onReceived(): void;
  /** Nothing has come for too long. */
  onOverdue(): void;
  /** The stream is not used any more. */
  onOver(stream: ExchangeStream): void;
  /** The request can be sent again. */
  onUnanswered(exchange: Exchange): void;
}

/** So much is handed to Node at a time: it tells no sooner than when all of it is gone that sending goes on. */
const PIECE = 65_536;

/** A request that was never processed is sent again so often (RFC 9113 section 8.7). */
const RESENDINGS = 3;

const { NGHTTP2_CANCEL, NGHTTP2_FLAG_END_STREAM, NGHTTP2_PROTOCOL_ERROR, NGHTTP2_REFUSED_STREAM } = constants;

/** One exchange on a stream of its own, from the first HEADERS to the end of the response or a reset, whoever sends it. */
export class ExchangeStream implements ExchangeCarrier, ContentSink {
  readonly #exchange: Exchange;
  readonly #connection: StreamOwner;
  readonly #stream: ClientHttp2Stream;
  readonly #content: ContentSender;
  readonly #timer = new IdleTimer();
  /** What is left of a piece of content that is larger than what is handed over at a time. */
  #rest: Uint8Array | undefined;
  #trailers: readonly string[] | undefined;
  /** All of the request has been handed over. */
  #finished = false;
  #answered = false;
  /** Bytes of content that have come. */
  #received = 0;
  #responseTrailers: string[] = [];
  /** The server has said that it has not begun with it. */
  #unprocessed = false;
  #error: Error | undefined;
  #closed = false;
  #over = false;

  constructor(session: ClientHttp2Session, exchange: Exchange, connection: StreamOwner, protocol?: string) {
    const { request } = exchange;
    const tunnels = request.upgrade !== undefined;
    this.#exchange = exchange;
    this.#connection = connection;
    this.#content = new ContentSender(request, this);
    const fields =
      protocol === undefined
        ? requestFields(request, connection.url)
        : extendedConnectFields(request, connection.url, protocol);
    this.#stream = openStream(session, fields, {
      endStream: !tunnels && !hasContent(request),
      waitForTrailers: request.trailers !== undefined,
    });
    const stream = this.#stream;
    stream.on("headers", this.#onInterim).on("response", this.#onResponse).on("trailers", this.#onTrailers);
    stream.on("end", this.#onEnd).on("error", this.#onError).on("close", this.#onClose);
    if (hasContent(request)) stream.on("drain", this.#onDrain).on("wantTrailers", this.#onWantTrailers);
  }

  /** Sends the request, all but its content if that waits for a 100. */
  start(): void {
    const { request } = this.#exchange;
    this.#exchange.carrier = this;
    this.#exchange.httpVersion = "2.0";
    if (request.upgrade !== undefined) this.#awaitHead();
    else if (!hasContent(request)) {
      this.#finished = true;
      this.#awaitHead();
      this.#exchange.requestSent();
    } else if (request.expectContinue) {
      this.#timer.set(this.#connection.timeouts.expectContinue, () => this.#content.start());
    } else this.#content.start();
  }

  /** Fails the exchange. A tunnel, whose exchange is over, breaks. */
  fail(error: Error): void {
    if (this.#over) this.#stream.destroy(error);
    else this.#exchange.fail(error);
  }

  /** The server takes no streams above this one any more, and has not begun with those that it has got. */
  onGoaway(lastStreamId: number): void {
    if ((this.#stream.id ?? Number.POSITIVE_INFINITY) > lastStreamId) this.#unprocessed = true;
  }

  // The exchange's side: what its handler asks for.

  pause(): void {
    this.#timer.clear();
    this.#stream.pause();
  }

  resume(): void {
    if (this.#closed) this.#handOnRest();
    else {
      this.#awaitContent();
      this.#stream.resume();
    }
  }

  drop(_exchange: Exchange, error: Error): void {
    this.#content.stop(error);
    cancel(this.#stream, NGHTTP2_CANCEL);
    this.#leave();
  }

  // The content's side: the request's body and trailers.

  write(bytes: Uint8Array): boolean {
    const taken = this.#handOver(bytes);
    if (this.#answered && !this.#exchange.paused) this.#awaitContent();
    this.#exchange.bodySent(bytes);
    return taken;
  }

  blocked(): void {
    if (!this.#answered) this.#timer.set(this.#bodyTimeout, this.#onContentOverdue);
  }

  end(trailers: readonly string[]): void {
    this.#trailers = trailers;
    if (this.#rest === undefined) this.#finish();
    else this.blocked();
  }

  /** Hands over one piece after the other, as long as they are taken. */
  #handOver(bytes: Uint8Array): boolean {
    for (let at = 0; ; at += PIECE) {
      const last = at + PIECE >= bytes.byteLength;
      const taken = this.#stream.write(bytes.byteLength <= PIECE ? bytes : bytes.subarray(at, at + PIECE));
      if (last) return taken;
      if (!taken) {
        this.#rest = bytes.subarray(at + PIECE);
        return false;
      }
    }
  }

  readonly #onDrain = (): void => {
    if (this.#over) return;
    if (!this.#answered) this.#timer.clear();
    else if (!this.#exchange.paused) this.#awaitContent();
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest !== undefined && !this.#handOver(rest)) this.blocked();
    else if (this.#trailers === undefined) this.#content.drained();
    else if (!this.#finished) this.#finish();
  };

  #finish(): void {
    this.#finished = true;
    this.blocked();
    this.#stream.end(() => {
      if (!this.#answered && !this.#over) this.#awaitHead();
    });
    this.#exchange.requestSent();
  }

  readonly #onWantTrailers = (): void => {
    try {
      this.#stream.sendTrailers(fieldsObject(this.#trailers ?? []));
    } catch (error) {
      this.#exchange.fail(new errors.InvalidArgumentError(`the trailers cannot be sent: ${String(error)}`));
    }
  };

  // The server's side: the response.

  readonly #onInterim = (headers: IncomingHttpHeaders, _flags: number, raw: string[]): void => {
    if (this.#over) return;
    this.#connection.onReceived();
    const status = Number(headers[":status"]);
    const fields = this.#checked(() => responseFields(raw, this.#connection.limits.maxHeaderSize));
    if (fields === undefined) return;
    this.#exchange.responseStart(status, fields, "");
    if (status !== 100 || this.#over || !this.#exchange.request.expectContinue || !this.#content.waiting) return;
    this.#timer.clear();
    this.#content.start();
  };

  readonly #onResponse = (headers: IncomingHttpHeaders, flags: number, raw: string[]): void => {
    if (this.#over) return;
    this.#connection.onReceived();
    const status = Number(headers[":status"]);
    const fields = this.#checked(() => responseFields(raw, this.#connection.limits.maxHeaderSize));
    if (fields === undefined) return;
    this.#answered = true;
    const { request } = this.#exchange;
    if (request.upgrade !== undefined && (request.method === "CONNECT" || status < 300)) {
      this.#switch(status, fields);
      return;
    }
    // An answer that is no success ends the matter: what the server will not read is not sent (RFC 9110 section 7.5).
    // A success may be half of a conversation, and the sending goes on until its end.
    if (!this.#finished && (status >= 300 || this.#content.waiting)) this.#content.stop();
    this.#awaitContent();
    this.#stream.on("data", this.#onData);
    this.#exchange.responseStart(status, fields, "");
    // Nothing follows that a pause could hold back.
    if ((flags & NGHTTP2_FLAG_END_STREAM) !== 0) this.#complete();
  };

  readonly #onData = (content: Buffer): void => {
    if (this.#over) return;
    this.#received += content.byteLength;
    this.#connection.onReceived();
    this.#awaitContent();
    this.#exchange.responseData(content);
  };

  readonly #onTrailers = (_headers: IncomingHttpHeaders, _flags: number, raw: string[]): void => {
    if (this.#over) return;
    this.#responseTrailers = this.#checked(() => trailerFields(raw, this.#connection.limits.maxTrailerSize)) ?? [];
  };

  readonly #onEnd = (): void => this.#complete();

  readonly #onError = (error: Error): void => {
    this.#error = error;
  };

  readonly #onClose = (): void => {
    this.#closed = true;
    if (this.#over) return;
    if (this.#answered && isServerEnded(this.#stream)) this.#handOnRest();
    else this.#lose();
  };

  /** What has come whole is handed on, though its stream is gone with the connection. */
  #handOnRest(): void {
    while (!this.#exchange.paused && !this.#over) {
      const content = this.#stream.read() as Buffer | null;
      if (content === null) this.#complete();
      else this.#onData(content);
    }
  }

  #complete(): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer.stop();
    if (!this.#finished) {
      this.#content.stop();
      cancel(this.#stream, NGHTTP2_CANCEL);
    } else this.#stream.resume();
    this.#exchange.responseEnd(this.#responseTrailers);
    this.#connection.onOver(this);
  }

  /** The stream is the handler's now. The connection carries it until it is closed. */
  #switch(status: number, fields: string[]): void {
    const stream = this.#stream;
    this.#over = true;
    this.#timer.stop();
    stream.off("headers", this.#onInterim).off("trailers", this.#onTrailers).off("end", this.#onEnd);
    stream.once("close", () => this.#connection.onOver(this));
    this.#exchange.upgraded(status, fields, stream);
  }

  /** There will be no response, or no more of it: sends the request again where that is right, and fails it where not. */
  #lose(): void {
    const exchange = this.#exchange;
    const lost = this.#connection.lost(this.#error);
    const { rstCode } = this.#stream;
    const untouched = isReplayable(exchange.request.body) || this.#content.waiting;
    const unprocessed = !this.#answered && (this.#unprocessed || rstCode === NGHTTP2_REFUSED_STREAM);
    // As with HTTP/1.1: a connection that had gone stale fails nothing that may be repeated, a new one does.
    const stale = lost !== undefined && this.#connection.proven && !this.#answered && exchange.rawHeaders === null;
    if (((unprocessed && untouched) || (stale && mayRepeat(exchange))) && exchange.resendings < RESENDINGS) {
      exchange.resendings += 1;
      exchange.carrier = undefined;
      this.#leave();
      this.#connection.onUnanswered(exchange);
      return;
    }
    if (unprocessed) exchange.fail(streamReset(NGHTTP2_REFUSED_STREAM, this.#error));
    else if (lost !== undefined) exchange.fail(lost);
    else if (rstCode === NGHTTP2_PROTOCOL_ERROR && this.#hasOtherLength) {
      exchange.fail(new errors.ResponseContentLengthMismatchError());
    } else exchange.fail(streamReset(rstCode, this.#error));
  }

  #leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer.stop();
    this.#connection.onOver(this);
  }

  /** What `read` gives; where it throws, the exchange has failed. */
  #checked(read: () => string[]): string[] | undefined {
    try {
      return read();
    } catch (error) {
      this.#exchange.fail(error as Error);
      return undefined;
    }
  }

  #awaitHead(): void {
    this.#timer.set(this.#exchange.request.headersTimeout ?? this.#connection.timeouts.headers, this.#onHeadOverdue);
  }

  #awaitContent(): void {
    this.#timer.set(this.#bodyTimeout, this.#onContentOverdue);
  }

  get #bodyTimeout(): number {
    return this.#exchange.request.bodyTimeout ?? this.#connection.timeouts.body;
  }

  readonly #onHeadOverdue = (): void => {
    this.#connection.onOverdue();
    this.#exchange.fail(new errors.HeadersTimeoutError());
  };

  readonly #onContentOverdue = (): void => {
    this.#connection.onOverdue();
    this.#exchange.fail(new errors.BodyTimeoutError());
  };

  /** Whether the response was to be longer or shorter than what has come of it. */
  get #hasOtherLength(): boolean {
    const raw = this.#exchange.rawHeaders ?? [];
    const at = raw.findIndex((text, index) => index % 2 === 0 && text === "content-length");
    return at !== -1 && Number(raw[at + 1]) !== this.#received;
  }
}

/** Fields as Node takes them: an object without a prototype, with a list where a name comes more than once. */
function fieldsObject(raw: readonly string[]): OutgoingHttpHeaders {
  const fields = Object.create(null) as Record<string, string[]>;
  for (let at = 0; at < raw.length; at += 2) (fields[raw[at]!.toLowerCase()] ??= []).push(raw[at + 1]!);
  return fields;
}
