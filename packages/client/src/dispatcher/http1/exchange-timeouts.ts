import type { Socket } from "node:net";

import { LONGEST_TIMEOUT } from "@trailsum/shared";
import { errors } from "undici";

import type { ConnectionTimeouts } from "../connection.ts";
import { IdleTimer } from "../idle-timer.ts";
import type { OutgoingRequest } from "../outgoing-request.ts";

/** A server that has refused a body may still be answering after it has stopped reading. Milliseconds. */
const ANSWER_AFTER_WRITE_ERROR = 2_000;

/** The exchange whose time is limited. */
export interface TimeoutEvents {
  /** Whether the handler holds the response back. */
  isPaused(): boolean;
  /** Nothing has come or gone for too long. */
  onOverdue(error: Error): void;
}

/**
 * The time limits of an HTTP/1.1 connection: for what its exchange waits for, and for the next one. While something is
 * still being sent, it is the sending that must make progress.
 */
export class ExchangeTimeouts {
  readonly #socket: Socket;
  readonly #timeouts: ConnectionTimeouts;
  readonly #events: TimeoutEvents;
  readonly #timer = new IdleTimer();
  #request: OutgoingRequest | undefined;
  /** Whether the socket's own timer is running: only the socket can see the progress of a large write. */
  #sendingWatched = false;

  constructor(socket: Socket, timeouts: ConnectionTimeouts, events: TimeoutEvents) {
    this.#socket = socket;
    this.#timeouts = timeouts;
    this.#events = events;
    socket.on("timeout", this.#onSendingIdle);
  }

  /** A request is about to be sent. */
  begin(request: OutgoingRequest): void {
    this.#request = request;
    this.#timer.clear();
  }

  awaitContinue(onOverdue: () => void): void {
    this.#timer.set(this.#timeouts.expectContinue, onOverdue);
  }

  awaitHead(): void {
    this.#timer.set(this.#request?.headersTimeout ?? this.#timeouts.headers, this.#onHeadOverdue);
  }

  awaitContent(): void {
    this.#timer.set(this.#bodyTimeout, this.#onContentOverdue);
  }

  /** Nothing more can be sent: what has been answered already may still come. */
  awaitHeadAfterWriteError(onOverdue: () => void): void {
    this.#timer.set(ANSWER_AFTER_WRITE_ERROR, onOverdue);
  }

  /** The connection carries nothing. `hint` is how long the server keeps it open, as it says. */
  awaitNextRequest(hint: number | undefined, onOverdue: () => void): void {
    const { keepAlive, keepAliveMax } = this.#timeouts;
    const longest = keepAliveMax === 0 ? Number.POSITIVE_INFINITY : keepAliveMax;
    this.#timer.set(hint === undefined ? keepAlive : Math.min(hint, longest), onOverdue);
  }

  /** The socket takes no more for now, and must do so again in time. */
  watchSending(): void {
    const timeout = this.#bodyTimeout;
    if (this.#sendingWatched || timeout === 0) return;
    this.#sendingWatched = true;
    this.#socket.setTimeout(Math.min(timeout, LONGEST_TIMEOUT));
  }

  /** The request has been sent. */
  stopWatchingSending(): void {
    if (this.#sendingWatched) this.#socket.setTimeout(0);
    this.#sendingWatched = false;
  }

  /** Nothing is awaited. */
  clear(): void {
    this.#timer.clear();
  }

  /** Nothing will be awaited any more. */
  stop(): void {
    this.#timer.stop();
    this.#socket.off("timeout", this.#onSendingIdle);
    this.#socket.setTimeout(0);
  }

  get #bodyTimeout(): number {
    return this.#request?.bodyTimeout ?? this.#timeouts.body;
  }

  readonly #onSendingIdle = (): void => {
    this.#sendingWatched = false;
    if (this.#socket.writableNeedDrain && !this.#events.isPaused())
      this.#events.onOverdue(new errors.BodyTimeoutError());
  };

  readonly #onHeadOverdue = (): void => {
    if (!this.#socket.writableNeedDrain) this.#events.onOverdue(new errors.HeadersTimeoutError());
    else {
      this.watchSending();
      this.awaitHead();
    }
  };

  readonly #onContentOverdue = (): void => {
    if (!this.#socket.writableNeedDrain) this.#events.onOverdue(new errors.BodyTimeoutError());
    else {
      this.watchSending();
      this.awaitContent();
    }
  };
}
