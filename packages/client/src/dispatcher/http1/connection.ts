import type { Socket } from "node:net";

import { MessageWriter, type ResponseHead, ResponseReader, type ResponseSink } from "@trailsum/http/http1";
import { DirectSocketReader } from "@trailsum/http/transport";
import { errors } from "undici";

import {
  type Connection,
  type ConnectionOwner,
  type ConnectionTimeouts,
  mayRepeat,
  type ResponseLimits,
} from "../connection.ts";
import type { Exchange, ExchangeCarrier } from "../exchange.ts";
import { isReplayable } from "../request-body.ts";
import { surviveWriteErrors } from "../write-errors.ts";
import { isEndSaid } from "./close-notify.ts";
import { ExchangeTimeouts, type TimeoutEvents } from "./exchange-timeouts.ts";
import { keepAliveHint } from "./keep-alive.ts";
import { RequestWriter, type WriterEvents } from "./request-writer.ts";
import { responseError } from "./response-error.ts";

/** The most field lines in a head, and in a trailer section. Node's own parser drops further lines silently. */
const MAX_FIELDS = 1_000;

/**
 * `idle`: it carries nothing. `requested`: the request is being sent, or has been. `answered`: the head of the final response
 * has come. `complete`: all of the response has come, and the connection is used again or closed once that has been read.
 * `switched`: the socket is the handler's.
 */
type State = "idle" | "requested" | "answered" | "complete" | "switched";

/**
 * One HTTP/1.1 connection to an origin. It carries one exchange at a time: the request goes out through the writer, the
 * response comes in through the reader, and both can run at once. It is used again only when both messages are
 * complete and nothing is left over.
 */
export class Http1Connection implements Connection, ExchangeCarrier, ResponseSink, WriterEvents, TimeoutEvents {
  readonly #socket: Socket;
  readonly #messages: MessageWriter;
  readonly #reading: DirectSocketReader;
  readonly #owner: ConnectionOwner;
  readonly #authority: string;
  readonly #timeouts: ExchangeTimeouts;
  readonly #reader: ResponseReader;
  readonly #freeSocket: () => void;
  #state: State = "idle";
  #exchange: Exchange | undefined;
  #writer: RequestWriter | undefined;
  /** How often the socket had been given something before the request. */
  #flushesBefore = 0;
  #persistent = true;
  #served = 0;
  #keepAliveHint: number | undefined;
  /** Content that has been received on this connection. Bytes. */
  #received = 0;
  #writeError: Error | undefined;
  /** The other side has sent all that it will ever send. */
  #ended = false;

  constructor(
    socket: Socket,
    options: { owner: ConnectionOwner; authority: string; timeouts: ConnectionTimeouts; limits: ResponseLimits },
  ) {
    this.#socket = socket;
    this.#messages = new MessageWriter(socket);
    this.#owner = options.owner;
    this.#authority = options.authority;
    this.#timeouts = new ExchangeTimeouts(socket, options.timeouts, this);
    this.#reader = new ResponseReader(this, { ...options.limits, maxFields: MAX_FIELDS });
    this.#freeSocket = surviveWriteErrors(socket, (error) => this.#onWriteError(error));
    this.#reading = new DirectSocketReader(socket, (bytes) => this.#onData(bytes));
    socket.on("end", this.#onEnd).on("drain", this.#onDrain);
    socket.on("error", this.#onError).on("close", this.#onClose);
    this.#rest();
  }

  /** At a time, one and no more. */
  readonly capacity = 1;

  /** Whether it is idle; `close` is emitted late, so `destroyed` is checked too. */
  get free(): boolean {
    return this.idle && !this.#socket.destroyed;
  }

  get idle(): boolean {
    return this.#state === "idle";
  }

  /** Sends the request of an exchange, on a connection that is idle. */
  run(exchange: Exchange): void {
    const { request } = exchange;
    this.#exchange = exchange;
    this.#state = "requested";
    this.#persistent = true;
    exchange.carrier = this;
    exchange.httpVersion = "1.1";
    this.#timeouts.begin(request);
    this.#socket.ref();
    this.#reader.expect(request.method, request.upgrade !== undefined);
    const writer = new RequestWriter(this.#messages, request, this);
    this.#writer = writer;
    this.#flushesBefore = this.#messages.flushes;
    writer.start(this.#authority);
    if (request.expectContinue && !writer.finished) {
      this.#timeouts.awaitContinue(() => writer.sendBody());
    }
  }

  /** Closes it at once; an exchange that it carries fails. */
  destroy(error?: Error): void {
    if (error !== undefined) this.#exchange?.fail(error);
    this.#socket.destroy();
  }

  // The exchange's side: what its handler asks for.

  pause(): void {
    this.#reader.pause();
    this.#reading.pause();
    if (this.#state === "answered") this.#timeouts.clear();
  }

  resume(): void {
    if (this.#state === "answered") this.#timeouts.awaitContent();
    try {
      this.#reader.resume();
      this.#settle();
    } catch (error) {
      this.#refuse(responseError(error));
    }
    if (!this.#paused) this.#reading.resume();
  }

  drop(_exchange: Exchange, error: Error): void {
    this.#exchange = undefined;
    this.#writer?.stop(error);
    this.#socket.destroy();
  }

  // The reader's side: what the response consists of.

  onInterim({ status, raw, reason }: ResponseHead): void {
    this.#exchange?.responseStart(status, raw, reason);
    if (status === 100 && this.#exchange?.request.expectContinue === true) {
      this.#timeouts.clear();
      this.#writer?.sendBody();
      if (this.#writer?.finished === true) this.#timeouts.awaitHead();
    }
  }

  onHead({ status, raw, reason, persistent }: ResponseHead): void {
    this.#state = "answered";
    this.#persistent = persistent;
    this.#keepAliveHint = keepAliveHint(raw);
    // After a response other than 2xx the server does not read the rest of the request, so it is not sent (RFC 9110 section 7.5).
    // A 2xx may be one half of a full-duplex exchange, so the request is sent completely.
    if (status >= 300 || this.#writer?.waiting === true) this.#stopSending();
    this.#timeouts.awaitContent();
    this.#exchange?.responseStart(status, raw, reason);
  }

  onContent(content: Buffer): void {
    this.#received += content.length;
    if (!this.#paused) this.#timeouts.awaitContent();
    this.#exchange?.responseData(content);
  }

  onComplete(trailers: string[]): void {
    const exchange = this.#exchange;
    this.#state = "complete";
    this.#exchange = undefined;
    this.#timeouts.clear();
    this.#stopSending();
    if (exchange?.request.close === true) this.#persistent = false;
    exchange?.responseEnd(trailers);
  }

  onSwitch({ status, raw }: ResponseHead, rest: Buffer): void {
    const exchange = this.#exchange;
    this.#state = "switched";
    this.#exchange = undefined;
    this.#timeouts.stop();
    this.#socket.off("end", this.#onEnd).off("drain", this.#onDrain);
    this.#socket.off("error", this.#onError).off("close", this.#onClose);
    this.#freeSocket();
    this.#reading.release(rest);
    this.#owner.onClosed(this, undefined);
    exchange?.upgraded(status, raw, this.#socket);
  }

  // The writer's side: how the sending of the request goes.

  onHeadWritten(head: string): void {
    this.#exchange?.diagnostics.sendHeaders(head, this.#socket);
  }

  onSent(chunk: Uint8Array): void {
    // A server that is still reading may take its time with the rest of an answer that it has begun.
    if (this.#state === "answered" && !this.#paused) this.#timeouts.awaitContent();
    this.#exchange?.bodySent(chunk);
  }

  onBlocked(): void {
    this.#timeouts.watchSending();
  }

  onFinished(trailers: readonly string[]): void {
    this.#exchange?.diagnostics.sendTrailers(trailers);
    this.#exchange?.requestSent();
    if (this.#state === "requested") this.#timeouts.awaitHead();
  }

  onFailed(error: Error): void {
    this.#exchange?.fail(error);
  }

  // The side of the time limits.

  isPaused(): boolean {
    return this.#state === "answered" && this.#paused;
  }

  onOverdue(error: Error): void {
    this.#exchange?.fail(error);
  }

  // The socket's side.

  /** Returns how much of it was content, unless some of it is held back. */
  #onData(bytes: Buffer): number | undefined {
    // What came before the request left cannot answer it.
    if (!this.#asked) {
      this.#lose(new errors.SocketError("unsolicited bytes"));
      this.#socket.destroy();
      return undefined;
    }
    const before = this.#received;
    try {
      this.#reader.read(bytes);
      this.#settle();
    } catch (error) {
      this.#refuse(responseError(error));
    }
    return this.#reader.waiting ? undefined : this.#received - before;
  }

  readonly #onEnd = (): void => {
    this.#ended = true;
    try {
      this.#reader.end(isEndSaid(this.#socket));
    } catch (error) {
      this.#lose(responseError(error));
    }
    // Content that arrived during a pause still has to be delivered.
    if (!this.#reader.waiting) this.#socket.destroy();
  };

  readonly #onDrain = (): void => {
    this.#messages.returnTaken();
    this.#writer?.drained();
  };

  readonly #onError = (error: Error): void => this.#lose(error);

  readonly #onClose = (): void => {
    this.#timeouts.stop();
    const error = this.#writeError ?? new errors.SocketError("other side closed");
    const hadExchange = this.#exchange !== undefined;
    this.#lose(error);
    this.#owner.onClosed(this, hadExchange ? error : undefined);
  };

  get #paused(): boolean {
    return this.#exchange?.paused === true;
  }

  /** Whether any of the request has been handed to the socket. */
  get #asked(): boolean {
    return this.#messages.flushes > this.#flushesBefore;
  }

  #onWriteError(error: Error): void {
    this.#writeError = error;
    if (this.#exchange === undefined) {
      this.#socket.destroy();
      return;
    }
    this.#stopSending();
    if (this.#state === "requested") this.#timeouts.awaitHeadAfterWriteError(() => this.#socket.destroy(error));
  }

  /** An invalid response closes the connection and fails the exchange. */
  #refuse(error: Error): void {
    this.#exchange?.fail(error);
    this.#socket.destroy();
  }

  /** After every piece: once the response is complete, the connection returns to the pool if the request is complete too; otherwise it is closed. */
  #settle(): void {
    if (this.#state !== "complete" || this.#socket.destroyed) return;
    const unusable = !this.#persistent || this.#ended || this.#writeError !== undefined;
    if (unusable || this.#writer?.finished !== true || (this.#keepAliveHint ?? 1) <= 0) {
      this.#socket.destroy();
      return;
    }
    this.#writer = undefined;
    this.#served += 1;
    this.#timeouts.stopWatchingSending();
    this.#reading.resume();
    this.#rest();
    this.#owner.onFree(this);
  }

  /** Carries nothing: it keeps no process alive, and closes when nothing comes for a while. */
  #rest(): void {
    this.#state = "idle";
    this.#socket.unref();
    this.#timeouts.awaitNextRequest(this.#keepAliveHint, this.#onRested);
  }

  #stopSending(): void {
    if (this.#writer?.finished === false) this.#writer.stop();
  }

  readonly #onRested = (): void => void this.#socket.destroy();

  #lose(error: Error): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    const unanswered = !this.#reader.started && this.#served > 0;
    // As often as there are connections that have gone stale: a new one that is closed at once is an error.
    if (unanswered && (this.#asked ? mayRepeat(exchange) : isReplayable(exchange.request.body))) {
      this.#exchange = undefined;
      exchange.carrier = undefined;
      this.#writer?.stop();
      this.#owner.onUnanswered(exchange);
      return;
    }
    exchange.fail(error);
  }
}
