import {
  type ClientSession,
  type ClientStream,
  ErrorCode,
  type ResponseHandler,
  type ResponseHead,
  type SentListener,
  type StreamReset,
  StreamTunnel,
} from "@trailsum/http/http2";
import type { FieldLines } from "@trailsum/shared";
import { errors } from "undici";

import type { HasDeadline } from "../deadlines.ts";
import type { Exchange, ExchangeCarrier } from "../exchange.ts";
import { extendedConnectHead, hasContent, requestHead, sectionLines } from "./request-fields.ts";
import { mayBeSentAgain } from "./resending.ts";
import { RequestWriter, type WriterEvents } from "./request-writer.ts";
import { ResponseContent, type ResponseContentEvents } from "./response-content.ts";
import { receivedLines } from "./response-fields.ts";
import { resetError } from "./stream-error.ts";
import type { StreamOwner } from "./stream-owner.ts";

/**
 * How far an exchange has come. `waiting`: nothing has been sent, and its stream is opened when the turn ends. `sent`: at least the
 * header section. `answered`: the final response has begun. `complete`: the whole response has arrived, and a part is held. `finishing`:
 * the handler has all of the response, and the rest of the request is sent. `tunnel`: the stream is the handler's. `over`: it has
 * ended.
 */
type Progress = "waiting" | "sent" | "answered" | "complete" | "finishing" | "tunnel" | "over";

/** One exchange on its stream, from the first HEADERS to the end of the response or a reset by either side. */
export class ExchangeStream
  implements ExchangeCarrier, ResponseHandler, ResponseContentEvents, WriterEvents, SentListener, HasDeadline
{
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
  readonly #content = new ResponseContent(this);
  #trailers: string[] = [];
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
    if (this.#progress === "waiting") this.#sendAgainOrFail(reset);
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
    this.#content.deliver();
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
    this.#content.expect(contentLength);
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
    this.#content.receive(piece);
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
    else if (!this.#isOver) this.#sendAgainOrFail(reset);
  }

  onOverdue(): void {
    if (this.#awaits === "100") {
      this.#writer?.start();
      return;
    }
    this.#connection.onOverdue();
    this.fail(this.#awaits === "head" ? new errors.HeadersTimeoutError() : new errors.BodyTimeoutError());
  }

  // The content's side.

  isPaused(): boolean {
    return this.#exchange.paused;
  }

  onPiece(piece: Buffer): void {
    this.#stream?.consume(piece.length);
    if (this.#progress === "answered") this.#awaitContent();
    this.#exchange.responseData(piece);
  }

  onDelivered(): void {
    if (this.#progress === "complete") this.#end();
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

  /** All of the response has come. */
  #complete(): void {
    if (this.#isOver) return;
    this.#progress = "complete";
    this.deadline = Number.POSITIVE_INFINITY;
    this.#content.complete();
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
  #sendAgainOrFail(reset: StreamReset): void {
    const exchange = this.#exchange;
    const progress = this.#progress === "waiting" || this.#progress === "sent" ? this.#progress : "answered";
    const bodyWaits = this.#writer?.waiting === true;
    if (!mayBeSentAgain(reset, { exchange, progress, bodyWaits, proven: this.#connection.proven })) {
      exchange.fail(this.#reason(reset));
      return;
    }
    exchange.resendings += 1;
    exchange.carrier = undefined;
    // A body that has not been begun is still to be sent.
    if (!bodyWaits) this.#writer?.stop();
    this.#leave();
    if (reset.code === ErrorCode.HTTP_1_1_REQUIRED && reset.by === "peer") this.#connection.onHttp1Required(exchange);
    else this.#connection.onUnanswered(exchange);
  }

  #reason(reset: StreamReset): Error {
    if (reset.by === "connection") return this.#connection.lostBy(reset);
    return resetError(reset, {
      interimsExhausted: this.#progress === "sent" && this.#exchange.interimsExhausted,
      isOfOtherLength: this.#content.isOfOtherLength,
    });
  }

  #leave(): void {
    if (this.#isOver) return;
    this.#progress = "over";
    this.deadline = Number.POSITIVE_INFINITY;
    this.#content.discard();
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
