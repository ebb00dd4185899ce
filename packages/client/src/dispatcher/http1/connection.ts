import type { Socket } from "node:net";

import { MessageWriter, type ResponseHead, ResponseReader, type ResponseSink } from "@trailsum/http/http1";
import { DirectSocketReader } from "@trailsum/http/transport";
import { LONGEST_TIMEOUT, sameFieldName } from "@trailsum/shared";
import { errors } from "undici";

import {
  type Connection,
  type ConnectionOwner,
  type ConnectionTimeouts,
  mayRepeat,
  type ResponseLimits,
} from "../connection.ts";
import type { Exchange, ExchangeCarrier } from "../exchange.ts";
import { IdleTimer } from "../idle-timer.ts";
import { isReplayable } from "../request-body.ts";
import { surviveWriteErrors } from "../write-errors.ts";
import { isEndSaid } from "./close-notify.ts";
import { RequestWriter, type WriterEvents } from "./request-writer.ts";
import { responseError } from "./response-error.ts";

/** A server that has refused a body may still be answering after it has stopped reading. */
const ANSWER_AFTER_WRITE_ERROR = 2_000;

/** The most field lines in a head, and in a trailer section. Node's own parser drops further lines silently. */
const MAX_FIELDS = 1_000;

/**
 * One HTTP/1.1 connection to an origin. It carries one exchange at a time: the request goes out through the writer, the
 * response comes in through the reader, and both can run at once. It is used again only when both messages are
 * complete and nothing is left over.
 */
export class Http1Connection implements Connection, ExchangeCarrier, ResponseSink, WriterEvents {
  readonly #socket: Socket;
  readonly #messages: MessageWriter;
  readonly #reading: DirectSocketReader;
  readonly #owner: ConnectionOwner;
  readonly #authority: string;
  readonly #timeouts: ConnectionTimeouts;
  readonly #reader: ResponseReader;
  readonly #timer = new IdleTimer();
  readonly #freeSocket: () => void;
  #exchange: Exchange | undefined;
  /** The exchange before is over in every respect. */
  #resting = true;
  #writer: RequestWriter | undefined;
  /** How often the socket had been given something before the request. */
  #flushesBefore = 0;
  #persistent = true;
  #served = 0;
  #keepAliveHint: number | undefined;
  /** Content that has been received on this connection. Bytes. */
  #received = 0;
  #answered = false;
  #complete = false;
  #writeError: Error | undefined;
  /** The other side has sent all that it will ever send. */
  #ended = false;
  /** The socket's own timer is running. */
  #watched = false;

  constructor(
    socket: Socket,
    options: { owner: ConnectionOwner; authority: string; timeouts: ConnectionTimeouts; limits: ResponseLimits },
  ) {
    this.#socket = socket;
    this.#messages = new MessageWriter(socket);
    this.#owner = options.owner;
    this.#authority = options.authority;
    this.#timeouts = options.timeouts;
    this.#reader = new ResponseReader(this, { ...options.limits, maxFields: MAX_FIELDS });
    this.#freeSocket = surviveWriteErrors(socket, (error) => this.#onWriteError(error));
    this.#reading = new DirectSocketReader(socket, (bytes) => this.#onData(bytes));
    socket.on("end", this.#onEnd).on("drain", this.#onDrain);
    socket.on("error", this.#onError).on("close", this.#onClose).on("timeout", this.#onSendingRests);
    this.#rest();
  }

  /** At a time, one and no more. */
  readonly capacity = 1;

  /** Whether it is idle; `close` is emitted late, so `destroyed` is checked too. */
  get free(): boolean {
    return this.#resting && !this.#socket.destroyed;
  }

  get idle(): boolean {
    return this.#resting;
  }

  /** Sends the request of an exchange, on a connection that is idle. */
  run(exchange: Exchange): void {
    const { request } = exchange;
    this.#exchange = exchange;
    this.#resting = false;
    this.#answered = false;
    this.#complete = false;
    this.#persistent = true;
    exchange.carrier = this;
    exchange.httpVersion = "1.1";
    this.#timer.clear();
    this.#socket.ref();
    this.#reader.expect(request.method, request.upgrade !== undefined);
    const writer = new RequestWriter(this.#messages, request, this);
    this.#writer = writer;
    this.#flushesBefore = this.#messages.flushes;
    writer.start(this.#authority);
    if (request.expectContinue && !writer.finished) {
      this.#timer.set(this.#timeouts.expectContinue, () => writer.sendBody());
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
    if (this.#answered) this.#timer.clear();
  }

  resume(): void {
    if (this.#answered && !this.#complete) this.#awaitContent();
    try {
      this.#reader.resume();
      this.#settle();
    } catch (error) {
      this.#refuse(responseError(error));
    }
    if (this.#exchange?.paused !== true) this.#reading.resume();
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
      this.#timer.clear();
      this.#writer?.sendBody();
      if (this.#writer?.finished === true) this.#awaitHead();
    }
  }

  onHead({ status, raw, reason, persistent }: ResponseHead): void {
    this.#answered = true;
    this.#persistent = persistent;
    this.#keepAliveHint = keepAliveHint(raw);
    // After a response other than 2xx the server does not read the rest of the request, so it is not sent (RFC 9110 section 7.5).
    // A 2xx may be one half of a full-duplex exchange, so the request is sent completely.
    if (status >= 300 || this.#writer?.waiting === true) this.#stopSending();
    this.#awaitContent();
    this.#exchange?.responseStart(status, raw, reason);
  }

  onContent(content: Buffer): void {
    this.#received += content.length;
    if (this.#exchange?.paused !== true) this.#awaitContent();
    this.#exchange?.responseData(content);
  }

  onComplete(trailers: string[]): void {
    const exchange = this.#exchange;
    this.#complete = true;
    this.#exchange = undefined;
    this.#timer.clear();
    this.#stopSending();
    if (exchange?.request.close === true) this.#persistent = false;
    exchange?.responseEnd(trailers);
  }

  onSwitch({ status, raw }: ResponseHead, rest: Buffer): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.#timer.stop();
    this.#socket.off("end", this.#onEnd).off("drain", this.#onDrain);
    this.#socket.off("error", this.#onError).off("close", this.#onClose).off("timeout", this.#onSendingRests);
    this.#socket.setTimeout(0);
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
    if (this.#answered && this.#exchange?.paused !== true) this.#awaitContent();
    this.#exchange?.bodySent(chunk);
  }

  onBlocked(): void {
    this.#watchSending();
  }

  onFinished(trailers: readonly string[]): void {
    this.#exchange?.diagnostics.sendTrailers(trailers);
    this.#exchange?.requestSent();
    if (!this.#answered) this.#awaitHead();
  }

  onFailed(error: Error): void {
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
    this.#timer.stop();
    const error = this.#writeError ?? new errors.SocketError("other side closed");
    const hadExchange = this.#exchange !== undefined;
    this.#lose(error);
    this.#owner.onClosed(this, hadExchange ? error : undefined);
  };

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
    if (!this.#answered) this.#timer.set(ANSWER_AFTER_WRITE_ERROR, () => this.#socket.destroy(error));
  }

  /** An invalid response closes the connection and fails the exchange. */
  #refuse(error: Error): void {
    this.#exchange?.fail(error);
    this.#socket.destroy();
  }

  /** After every piece: once the response is complete, the connection returns to the pool if the request is complete too; otherwise it is closed. */
  #settle(): void {
    if (!this.#complete || this.#socket.destroyed) return;
    this.#complete = false;
    const unusable = !this.#persistent || this.#ended || this.#writeError !== undefined;
    if (unusable || this.#writer?.finished !== true || (this.#keepAliveHint ?? 1) <= 0) {
      this.#socket.destroy();
      return;
    }
    this.#writer = undefined;
    this.#served += 1;
    if (this.#watched) this.#socket.setTimeout(0);
    this.#watched = false;
    this.#reading.resume();
    this.#rest();
    this.#owner.onFree(this);
  }

  /** Carries nothing: it keeps no process alive, and closes when nothing comes for a while. */
  #rest(): void {
    this.#resting = true;
    this.#socket.unref();
    const { keepAlive, keepAliveMax } = this.#timeouts;
    const hint = this.#keepAliveHint;
    const longest = keepAliveMax === 0 ? Number.POSITIVE_INFINITY : keepAliveMax;
    this.#timer.set(hint === undefined ? keepAlive : Math.min(hint, longest), this.#onRested);
  }

  #stopSending(): void {
    if (this.#writer?.finished === false) this.#writer.stop();
  }

  /** Uses the socket's own timeout: only the socket can see the progress of a large write. */
  #watchSending(): void {
    const timeout = this.#bodyTimeout;
    if (this.#watched || timeout === 0) return;
    this.#watched = true;
    this.#socket.setTimeout(Math.min(timeout, LONGEST_TIMEOUT));
  }

  readonly #onSendingRests = (): void => {
    this.#watched = false;
    const paused = this.#answered && this.#exchange?.paused === true;
    if (this.#socket.writableNeedDrain && !paused) this.#exchange?.fail(new errors.BodyTimeoutError());
  };

  #awaitHead(): void {
    this.#timer.set(this.#exchange?.request.headersTimeout ?? this.#timeouts.headers, this.#onHeadOverdue);
  }

  #awaitContent(): void {
    this.#timer.set(this.#bodyTimeout, this.#onContentOverdue);
  }

  get #bodyTimeout(): number {
    return this.#exchange?.request.bodyTimeout ?? this.#timeouts.body;
  }

  // While something is still being sent, it is the sending that may not rest.

  readonly #onHeadOverdue = (): void => {
    if (!this.#socket.writableNeedDrain) this.#exchange?.fail(new errors.HeadersTimeoutError());
    else {
      this.#watchSending();
      this.#awaitHead();
    }
  };

  readonly #onContentOverdue = (): void => {
    if (!this.#socket.writableNeedDrain) this.#exchange?.fail(new errors.BodyTimeoutError());
    else {
      this.#watchSending();
      this.#awaitContent();
    }
  };

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

/** `Keep-Alive: timeout=N`, less a second, so that it is not used while the server closes it. Milliseconds. */
function keepAliveHint(raw: readonly string[]): number | undefined {
  for (let at = 0; at < raw.length; at += 2) {
    if (raw[at]!.length !== 10 || !sameFieldName(raw[at]!, "keep-alive")) continue;
    const seconds = /(?:^|[\s,])timeout=(\d{1,6})/i.exec(raw[at + 1]!)?.[1];
    if (seconds !== undefined) return Number(seconds) * 1_000 - 1_000;
  }
  return undefined;
}
