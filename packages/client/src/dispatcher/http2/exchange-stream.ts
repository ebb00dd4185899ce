import {
  type ClientSession,
  type ClientStream,
  ErrorCode,
  HeldContent,
  type ResponseHandler,
  type ResponseHead,
  type SentListener,
  type StreamReset,
  StreamTunnel,
} from "@trailsum/http/http2";
import { giveBack } from "@trailsum/http/transport";
import type { FieldLines } from "@trailsum/shared";
import { errors } from "undici";

import { mayRepeat } from "../connection.ts";
import type { HasDeadline } from "../deadlines.ts";
import { type Exchange, type ExchangeCarrier, interimsWithoutEnd } from "../exchange.ts";
import { isReplayable } from "../request-body.ts";
import { extendedConnectHead, hasContent, requestHead, sectionLines } from "./request-fields.ts";
import { RequestWriter, type WriterEvents } from "./request-writer.ts";
import { receivedLines } from "./response-fields.ts";
import { streamReset } from "./stream-error.ts";
import type { StreamOwner } from "./stream-owner.ts";

/**
 * How far an exchange has come. `waiting`: nothing has been sent, and its stream is opened when the turn ends. `sent`: at least the
 * header section. `answered`: the final response has begun. `complete`: the whole response has arrived, and a part is held. `finishing`:
 * the handler has all of the response, and the rest of the request is sent. `tunnel`: the stream is the handler's. `over`: it has
 * ended.
 */
type Progress = "waiting" | "sent" | "answered" | "complete" | "finishing" | "tunnel" | "over";

/** A request that was never processed is sent again so often (RFC 9113 section 8.7). */
const RESENDINGS = 3;

/** The error codes of a server that has not processed the request. */
const UNPROCESSED: ReadonlySet<number> = new Set([ErrorCode.REFUSED_STREAM, ErrorCode.HTTP_1_1_REQUIRED]);

/** One exchange on its stream, from the first HEADERS to the end of the response or a reset by either side. */
export class ExchangeStream implements ExchangeCarrier, ResponseHandler, WriterEvents, SentListener, HasDeadline {
  readonly #exchange: Exchange;
  readonly #connection: StreamOwner;
  /** What an extended CONNECT asks for. */
  readonly #protocol: string | undefined;
  #progress: Progress = "waiting";
  #awaits: "100" | "head" | "content" = "head";
  #stream: ClientStream | undefined;
  /** Undefined without content, and in a tunnel. */
  #writer: RequestWriter | undefined;
  #tunnel: StreamTunnel | undefined;
  /** Content for which the handler is not ready. */
  readonly #held = new HeldContent();
  #delivering = false;
  #trailers: string[] = [];
  /** The bytes of Content-Length that have not arrived yet. */
  #missing: number | undefined;
  deadline: number = Number.POSITIVE_INFINITY;

  constructor(exchange: Exchange, connection: StreamOwner, protocol?: string) {
    this.#exchange = exchange;
    this.#connection = connection;
    this.#protocol = protocol;
    exchange.carrier = this;
    exchange.httpVersion = "2.0";
    this.#awaitHead();
  }

  /** Opens the stream and sends the request, all but its content if that waits for a 100. */
  begin(session: ClientSession): void {
    if (this.#progress !== "waiting") return;
    const exchange = this.#exchange;
    const { request } = exchange;
    const writes = request.upgrade === undefined && hasContent(request);
    const stream = this.#open(session, request.upgrade === undefined && !writes);
    if (stream === undefined) return;
    this.#stream = stream;
    this.#progress = "sent";
    if (writes) {
      const writer = new RequestWriter(stream, request, this);
      this.#writer = writer;
      this.deadline = Number.POSITIVE_INFINITY;
      if (request.expectContinue) this.#await("100", this.#connection.timeouts.expectContinue);
      else writer.start();
    } else {
      this.#awaitHead();
      exchange.requestSent();
    }
  }

  /** The connection takes nothing more, and the stream has not been opened. */
  refuse(reset: StreamReset): void {
    if (this.#progress === "waiting") this.#sendAgainOrFail(true, reset);
  }

  /** Fails the exchange. A tunnel, whose exchange is over, breaks. */
  fail(error: Error): void {
    if (this.#tunnel !== undefined) this.#tunnel.destroy(error);
    else if (this.#progress === "finishing") this.#cancel(error);
    else this.#exchange.fail(error);
  }

  // The exchange's side: what its handler asks for.

  pause(): void {
    this.deadline = Number.POSITIVE_INFINITY;
  }

  resume(): void {
    if (this.#progress === "answered") this.#awaitContent();
    this.#deliver();
  }

  drop(_exchange: Exchange, error: Error): void {
    this.#cancel(error);
  }

  // The writer's side: how the sending of the request goes.

  onTaken(chunk: Uint8Array): void {
    // A server that is still reading may take its time with the rest of an answer that it has begun.
    if (this.#progress === "answered" && !this.#exchange.paused) this.#awaitContent();
    this.#exchange.bodySent(chunk);
  }

  onBlocked(): void {
    if (this.#progress === "sent" || this.#progress === "finishing") this.#awaitContent();
  }

  onProgress(): void {
    if (this.#progress === "sent" || this.#progress === "finishing") this.deadline = Number.POSITIVE_INFINITY;
    else if (this.#progress === "answered" && !this.#exchange.paused) this.#awaitContent();
  }

  onFinished(trailers: readonly string[]): void {
    this.#exchange.diagnostics.sendTrailers(trailers);
    if (this.#progress === "finishing") {
      this.#leave();
      return;
    }
    this.#connection.output.whenSent(this);
    this.#exchange.requestSent();
  }

  onFailed(error: Error): void {
    this.fail(error);
  }

  /** The system has taken all of the request. */
  onSent(taken: boolean): void {
    if (taken && this.#progress === "sent") this.#awaitHead();
  }

  // The server's side.

  onInterim({ status, fields }: ResponseHead): void {
    this.#connection.onReceived();
    const raw = this.#read(fields, this.#connection.limits.maxHeaderSize);
    if (raw === undefined) return;
    this.#exchange.responseStart(status, raw, "");
    if (status !== 100 || this.#awaits !== "100" || this.#progress !== "sent") return;
    this.deadline = Number.POSITIVE_INFINITY;
    this.#writer?.start();
  }

  onResponse({ status, fields, contentLength }: ResponseHead, endStream: boolean): void {
    this.#connection.onReceived();
    const raw = this.#read(fields, this.#connection.limits.maxHeaderSize);
    if (raw === undefined) return;
    const { upgrade, method } = this.#exchange.request;
    if (upgrade !== undefined && (method === "CONNECT" || status < 300)) {
      this.#switch(status, raw, endStream);
      return;
    }
    this.#progress = "answered";
    this.#missing = contentLength;
    // After a response other than 2xx the server does not read the rest of the request, so it is not sent (RFC 9110 section 7.5).
    // A 2xx may be one half of a full-duplex exchange, so the request is sent completely.
    const writer = this.#writer;
    if (writer?.state === "sending" && (status >= 300 || writer.waiting)) writer.stop();
    this.#awaitContent();
    this.#exchange.responseStart(status, raw, "");
    // Nothing follows that a pause could hold back.
    if (endStream && !this.#isOver) this.#end();
  }

  onData(piece: Buffer, endStream: boolean): void {
    if (this.#tunnel !== undefined) {
      this.#tunnel.receive(piece, endStream);
      return;
    }
    this.#connection.onReceived();
    if (this.#missing !== undefined) this.#missing -= piece.length;
    if (this.#exchange.paused || !this.#held.isEmpty) {
      if (this.#held.push(piece)) giveBack(piece);
    } else if (piece.length > 0) this.#give(piece);
    if (endStream) this.#complete();
  }

  onTrailers(trailers: FieldLines): void {
    if (this.#tunnel !== undefined) {
      this.#tunnel.receiveEnd();
      return;
    }
    const raw = this.#read(trailers, this.#connection.limits.maxTrailerSize);
    if (raw === undefined) return;
    this.#trailers = raw;
    this.#complete();
  }

  onWritable(): void {
    this.#tunnel?.resumeSending();
    this.#writer?.onWritable();
  }

  onReset(reset: StreamReset): void {
    if (this.#tunnel !== undefined) this.#tunnel.destroy(this.#reason(reset));
    // The server wants no more of the request, and its response is whole.
    else if (this.#progress === "complete") this.#writer?.stop();
    else if (this.#progress === "finishing") this.#cancel();
    else if (!this.#isOver) this.#sendAgainOrFail(isUnprocessed(reset), reset);
  }

  onOverdue(): void {
    if (this.#awaits === "100") {
      this.#writer?.start();
      return;
    }
    this.#connection.onOverdue();
    this.fail(this.#awaits === "head" ? new errors.HeadersTimeoutError() : new errors.BodyTimeoutError());
  }

  get #isOver(): boolean {
    return this.#progress === "over";
  }

  /** The stream; nothing where the request cannot be sent, and has failed. */
  #open(session: ClientSession, endStream: boolean): ClientStream | undefined {
    const { request, diagnostics } = this.#exchange;
    const { origin, socket } = this.#connection;
    const protocol = this.#protocol;
    try {
      const head =
        protocol === undefined ? requestHead(request, origin) : extendedConnectHead(request, origin, protocol);
      const stream = session.request(head, this, { endStream });
      diagnostics.sendHeaders(() => sectionLines(head), socket);
      return stream;
    } catch (error) {
      const { message } = error as Error;
      this.#exchange.fail(new errors.InvalidArgumentError(`this cannot be sent: ${message}`));
      return undefined;
    }
  }

  #give(piece: Buffer): void {
    this.#stream?.consume(piece.length);
    if (this.#progress === "answered") this.#awaitContent();
    this.#exchange.responseData(piece);
  }

  /** Hands on what is held, as long as the handler takes it. */
  #deliver(): void {
    // A handler may pause and resume while it is given some.
    if (this.#delivering) return;
    this.#delivering = true;
    while (!this.#exchange.paused && !this.#held.isEmpty) this.#give(this.#held.shift()!);
    this.#delivering = false;
    this.#endIfDelivered();
  }

  /** All of the response has come. */
  #complete(): void {
    if (this.#isOver) return;
    this.#progress = "complete";
    this.deadline = Number.POSITIVE_INFINITY;
    this.#endIfDelivered();
  }

  #endIfDelivered(): void {
    if (this.#progress === "complete" && this.#held.isEmpty && !this.#exchange.paused) this.#end();
  }

  #end(): void {
    const { body, finishRequest } = this.#exchange.request;
    if (finishRequest && this.#writer?.state === "sending" && this.#stream?.state !== "closed") {
      this.#progress = "finishing";
      // The exchange listens to it no more.
      if (body.kind === "stream") body.stream.on("error", () => {});
      this.#exchange.responseEnd(this.#trailers);
      return;
    }
    // Its end has not been sent, of a request or of a tunnel that the server has refused.
    if (this.#stream?.state !== "closed") {
      this.#writer?.stop();
      this.#stream?.reset(ErrorCode.CANCEL);
    }
    this.#progress = "over";
    this.deadline = Number.POSITIVE_INFINITY;
    this.#exchange.responseEnd(this.#trailers);
    this.#connection.onOver(this);
  }

  /** Sends and takes nothing more. */
  #cancel(error?: Error): void {
    this.#writer?.stop(error);
    this.#stream?.reset(ErrorCode.CANCEL);
    this.#leave();
  }

  /** The stream is the handler's now. The connection carries it until it is closed. */
  #switch(status: number, raw: string[], endStream: boolean): void {
    const tunnel = new StreamTunnel(this.#stream!);
    this.#progress = "tunnel";
    this.#tunnel = tunnel;
    this.deadline = Number.POSITIVE_INFINITY;
    // By this property undici's WebSocket recognizes a stream of HTTP/2.
    Object.assign(tunnel, { session: this.#connection.socket });
    tunnel.on("error", () => {}).once("close", () => this.#leave());
    this.#exchange.upgraded(status, raw, tunnel);
    if (endStream) tunnel.receiveEnd();
  }

  /** The response failed: sends the request again where that is allowed, and fails it otherwise. */
  #sendAgainOrFail(unprocessed: boolean, reset: StreamReset): void {
    const exchange = this.#exchange;
    if (exchange.resendings === RESENDINGS || !this.#mayBeSentAgain(unprocessed, reset)) {
      exchange.fail(this.#reason(reset));
      return;
    }
    exchange.resendings += 1;
    exchange.carrier = undefined;
    // A body that has not been begun is still to be sent.
    if (this.#writer?.waiting === false) this.#writer.stop();
    this.#leave();
    if (reset.code === ErrorCode.HTTP_1_1_REQUIRED && reset.by === "peer") this.#connection.onHttp1Required(exchange);
    else this.#connection.onUnanswered(exchange);
  }

  #mayBeSentAgain(unprocessed: boolean, { by }: StreamReset): boolean {
    const exchange = this.#exchange;
    if (this.#progress === "waiting") return true;
    if (this.#progress !== "sent") return false;
    if (unprocessed) return isReplayable(exchange.request.body) || this.#writer?.waiting === true;
    // As with HTTP/1.1: a connection that had gone stale fails nothing that may be repeated, a new one does.
    const stale = this.#connection.proven && by === "connection";
    return stale && exchange.rawHeaders === null && mayRepeat(exchange);
  }

  #reason(reset: StreamReset): Error {
    const { by, code, reason } = reset;
    if (by === "goaway") return streamReset(ErrorCode.REFUSED_STREAM);
    if (by === "connection") return this.#connection.lostBy(reset);
    if (by === "peer") return streamReset(code);
    if (code === ErrorCode.ENHANCE_YOUR_CALM) {
      const endless = this.#progress === "sent" && this.#exchange.interimsExhausted;
      return endless ? interimsWithoutEnd() : new errors.HeadersOverflowError();
    }
    const otherLength = this.#missing !== undefined && this.#missing !== 0;
    return otherLength && code === ErrorCode.PROTOCOL_ERROR
      ? new errors.ResponseContentLengthMismatchError()
      : streamReset(code, new Error(reason));
  }

  #leave(): void {
    if (this.#isOver) return;
    this.#progress = "over";
    this.deadline = Number.POSITIVE_INFINITY;
    this.#held.clear();
    this.#connection.onOver(this);
  }

  /** A field section; where it is larger than the limit, the exchange has failed. */
  #read(fields: FieldLines, limit: number): string[] | undefined {
    try {
      return receivedLines(fields, limit);
    } catch (error) {
      this.#exchange.fail(error as Error);
      return undefined;
    }
  }

  #awaitHead(): void {
    this.#await("head", this.#exchange.request.headersTimeout ?? this.#connection.timeouts.headers);
  }

  #awaitContent(): void {
    this.#await("content", this.#exchange.request.bodyTimeout ?? this.#connection.timeouts.body);
  }

  #await(what: "100" | "head" | "content", timeout: number): void {
    this.#awaits = what;
    this.#connection.deadlines.set(this, timeout);
  }
}

/** Whether the server guarantees that it has not processed the request (RFC 9113 section 8.7). */
function isUnprocessed({ by, code }: StreamReset): boolean {
  return by === "goaway" || (by === "peer" && UNPROCESSED.has(code));
}
