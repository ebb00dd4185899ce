import { type ClientHttp2Session, type ClientHttp2Stream, constants } from "node:http2";
import type { Socket } from "node:net";

import { errors } from "undici";

import { type ConnectionTimeouts, mayRepeat, type ResponseLimits } from "../connection.ts";
import type { Dated, Deadlines } from "../deadlines.ts";
import type { Exchange, ExchangeCarrier } from "../exchange.ts";
import { isReplayable } from "../request-body.ts";
import {
  cancelStream,
  isServerEnded,
  openStream,
  readStream,
  releaseStream,
  type StreamEvents,
} from "./open-stream.ts";
import { extendedConnectFields, hasContent, type OriginParts, requestFields } from "./request-fields.ts";
import { RequestWriter, type WriterEvents } from "./request-writer.ts";
import { responseFields, trailerFields } from "./response-fields.ts";
import { streamReset } from "./stream-error.ts";

/** The connection that a stream is on. */
export interface StreamOwner {
  readonly origin: OriginParts;
  readonly socket: Socket;
  readonly timeouts: ConnectionTimeouts;
  readonly limits: ResponseLimits;
  readonly deadlines: Deadlines;
  /** Whether anything has ever come in answer to a request. */
  readonly proven: boolean;
  /** Why the connection is lost, if it is: `error` is what the stream was told. */
  lost(error: Error | undefined): Error | undefined;
  /** Something has come from the server. */
  onReceived(): void;
  /** Nothing has come for too long. */
  onOverdue(): void;
  /** A stream has been reset from this side. */
  onCancelled(): void;
  /** The stream is not used any more. */
  onOver(stream: ExchangeStream): void;
  /** The request can be sent again. */
  onUnanswered(exchange: Exchange): void;
  /** The request can be sent again, and not over HTTP/2. */
  onHttp1Required(exchange: Exchange): void;
}

/** A request that was never processed is sent again so often (RFC 9113 section 8.7). */
const RESENDINGS = 3;

const { NGHTTP2_HTTP_1_1_REQUIRED, NGHTTP2_PROTOCOL_ERROR, NGHTTP2_REFUSED_STREAM } = constants;

/** What a server says that has not begun with a request. */
const UNPROCESSED: ReadonlySet<number> = new Set([NGHTTP2_REFUSED_STREAM, NGHTTP2_HTTP_1_1_REQUIRED]);

/** One exchange on a stream of its own, from the first HEADERS to the end of the response or a reset, whoever sends it. */
export class ExchangeStream implements ExchangeCarrier, StreamEvents, WriterEvents, Dated {
  readonly #exchange: Exchange;
  readonly #connection: StreamOwner;
  readonly #stream: ClientHttp2Stream;
  /** None where there is no content, or no end of it: in a tunnel. */
  readonly #writer: RequestWriter | undefined;
  #awaits: "100" | "head" | "content" = "head";
  #answered = false;
  /** Bytes of content that have come. */
  #received = 0;
  #trailers: string[] = [];
  /** The server has said that it has not begun with it. */
  #unprocessed = false;
  #error: Error | undefined;
  #closed = false;
  #over = false;
  deadline: number = Number.POSITIVE_INFINITY;

  constructor(session: ClientHttp2Session, exchange: Exchange, connection: StreamOwner, protocol?: string) {
    const { request } = exchange;
    const { origin } = connection;
    const tunnels = request.upgrade !== undefined;
    const writes = !tunnels && hasContent(request);
    this.#exchange = exchange;
    this.#connection = connection;
    const fields =
      protocol === undefined ? requestFields(request, origin) : extendedConnectFields(request, origin, protocol);
    const options = { endStream: !tunnels && !writes, waitForTrailers: writes && request.trailers !== undefined };
    this.#stream = openStream(session, fields, options, this);
    exchange.diagnostics.sendHeaders(fields, connection.socket);
    this.#writer = writes ? new RequestWriter(this.#stream, request, this) : undefined;
  }

  /** Sends the request, all but its content if that waits for a 100. */
  start(): void {
    const exchange = this.#exchange;
    const writer = this.#writer;
    exchange.carrier = this;
    exchange.httpVersion = "2.0";
    if (writer === undefined) {
      this.onFlushed();
      exchange.requestSent();
    } else if (exchange.request.expectContinue) this.#await("100", this.#connection.timeouts.expectContinue);
    else writer.start();
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
    this.deadline = Number.POSITIVE_INFINITY;
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
    this.#writer?.stop(error);
    cancelStream(this.#stream);
    this.#leave();
  }

  // The writer's side: how the sending of the request goes.

  onSent(chunk: Uint8Array): void {
    // A server that is still reading may take its time with the rest of an answer that it has begun.
    if (this.#answered && !this.#exchange.paused) this.#awaitContent();
    this.#exchange.bodySent(chunk);
  }

  onBlocked(): void {
    if (!this.#answered) this.#awaitContent();
  }

  onProgress(): void {
    if (!this.#answered) this.deadline = Number.POSITIVE_INFINITY;
    else if (!this.#exchange.paused) this.#awaitContent();
  }

  onFinished(): void {
    this.#exchange.requestSent();
  }

  onFlushed(): void {
    if (!this.#answered && !this.#over) {
      this.#await("head", this.#exchange.request.headersTimeout ?? this.#connection.timeouts.headers);
    }
  }

  onFailed(error: Error): void {
    this.#exchange.fail(error);
  }

  // The server's side.

  onInterim(status: number, raw: string[]): void {
    if (this.#over) return;
    this.#connection.onReceived();
    const fields = this.#read(responseFields, raw, this.#connection.limits.maxHeaderSize);
    if (fields === undefined) return;
    this.#exchange.responseStart(status, fields, "");
    if (status !== 100 || this.#awaits !== "100" || this.#over) return;
    this.deadline = Number.POSITIVE_INFINITY;
    this.#writer?.start();
  }

  onResponse(status: number, raw: string[], ended: boolean): void {
    if (this.#over) return;
    this.#connection.onReceived();
    const fields = this.#read(responseFields, raw, this.#connection.limits.maxHeaderSize);
    if (fields === undefined) return;
    this.#answered = true;
    const { upgrade, method } = this.#exchange.request;
    if (upgrade !== undefined && (method === "CONNECT" || status < 300)) {
      this.#switch(status, fields);
      return;
    }
    // An answer that is no success ends the matter: what the server will not read is not sent (RFC 9110 section 7.5).
    // A success may be half of a conversation, and the sending goes on until its end.
    const writer = this.#writer;
    if (writer?.finished === false && (status >= 300 || writer.waiting)) writer.stop();
    this.#awaitContent();
    readStream(this.#stream);
    this.#exchange.responseStart(status, fields, "");
    // Nothing follows that a pause could hold back.
    if (ended) this.onEnd();
  }

  onContent(content: Buffer): void {
    if (this.#over) return;
    this.#received += content.byteLength;
    this.#connection.onReceived();
    this.#awaitContent();
    this.#exchange.responseData(content);
  }

  onTrailers(raw: string[]): void {
    if (this.#over) return;
    this.#trailers = this.#read(trailerFields, raw, this.#connection.limits.maxTrailerSize) ?? [];
  }

  onEnd(): void {
    if (this.#over) return;
    this.#over = true;
    this.deadline = Number.POSITIVE_INFINITY;
    if (this.#isSent) this.#stream.resume();
    else {
      this.#writer?.stop();
      cancelStream(this.#stream);
    }
    this.#exchange.responseEnd(this.#trailers);
    this.#connection.onOver(this);
  }

  onDrain(): void {
    if (!this.#over) this.#writer?.drained();
  }

  onWantTrailers(): void {
    this.#writer?.sendTrailers();
  }

  onCancelled(): void {
    this.#connection.onCancelled();
  }

  onClosed(error: Error | undefined): void {
    this.#closed = true;
    this.#error = error;
    // The end of a tunnel.
    if (this.#over) this.#connection.onOver(this);
    else if (this.#answered && isServerEnded(this.#stream)) this.#handOnRest();
    else this.#lose();
  }

  onOverdue(): void {
    if (this.#awaits === "100") {
      this.#writer?.start();
      return;
    }
    this.#connection.onOverdue();
    this.#exchange.fail(this.#awaits === "head" ? new errors.HeadersTimeoutError() : new errors.BodyTimeoutError());
  }

  /** What has come whole is handed on, though its stream is gone with the connection. */
  #handOnRest(): void {
    while (!this.#exchange.paused && !this.#over) {
      const content = this.#stream.read() as Buffer | null;
      if (content === null) this.onEnd();
      else this.onContent(content);
    }
  }

  /** Whether nothing of the request is held back any more. */
  get #isSent(): boolean {
    return this.#writer === undefined ? this.#exchange.request.upgrade === undefined : this.#writer.finished;
  }

  /** The stream is the handler's now. The connection carries it until it is closed. */
  #switch(status: number, fields: string[]): void {
    this.#over = true;
    this.deadline = Number.POSITIVE_INFINITY;
    releaseStream(this.#stream);
    this.#exchange.upgraded(status, fields, this.#stream);
  }

  /** There will be no response, or no more of it: sends the request again where that is right, and fails it where not. */
  #lose(): void {
    const exchange = this.#exchange;
    if (!this.#mayBeSentAgain || exchange.resendings === RESENDINGS) {
      exchange.fail(this.#reason);
      return;
    }
    exchange.resendings += 1;
    exchange.carrier = undefined;
    // A body that has not been begun is still to be sent.
    if (this.#writer?.waiting === false) this.#writer.stop();
    this.#leave();
    if (this.#stream.rstCode === NGHTTP2_HTTP_1_1_REQUIRED) this.#connection.onHttp1Required(exchange);
    else this.#connection.onUnanswered(exchange);
  }

  get #mayBeSentAgain(): boolean {
    const exchange = this.#exchange;
    if (this.#answered) return false;
    if (this.#unprocessed || UNPROCESSED.has(this.#stream.rstCode)) {
      return isReplayable(exchange.request.body) || this.#writer?.waiting === true;
    }
    // As with HTTP/1.1: a connection that had gone stale fails nothing that may be repeated, a new one does.
    const stale = this.#connection.proven && this.#connection.lost(this.#error) !== undefined;
    return stale && exchange.rawHeaders === null && mayRepeat(exchange);
  }

  get #reason(): Error {
    const { rstCode } = this.#stream;
    if (this.#unprocessed && !this.#answered) return streamReset(NGHTTP2_REFUSED_STREAM, this.#error);
    const lost = this.#connection.lost(this.#error);
    if (lost !== undefined) return lost;
    if (rstCode === NGHTTP2_PROTOCOL_ERROR && this.#hasOtherLength) {
      return new errors.ResponseContentLengthMismatchError();
    }
    return streamReset(rstCode, this.#error);
  }

  /** Whether the response was to be longer or shorter than what has come of it. */
  get #hasOtherLength(): boolean {
    const raw = this.#exchange.rawHeaders ?? [];
    const at = raw.findIndex((text, index) => index % 2 === 0 && text === "content-length");
    return at !== -1 && Number(raw[at + 1]) !== this.#received;
  }

  #leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.deadline = Number.POSITIVE_INFINITY;
    this.#connection.onOver(this);
  }

  /** A field section; where it is not to be had, the exchange has failed. */
  #read(section: (raw: string[], limit: number) => string[], raw: string[], limit: number): string[] | undefined {
    try {
      return section(raw, limit);
    } catch (error) {
      this.#exchange.fail(error as Error);
      return undefined;
    }
  }

  #awaitContent(): void {
    this.#await("content", this.#exchange.request.bodyTimeout ?? this.#connection.timeouts.body);
  }

  #await(what: "100" | "head" | "content", timeout: number): void {
    this.#awaits = what;
    this.#connection.deadlines.set(this, timeout);
  }
}
