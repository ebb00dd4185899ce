import type { IncomingHttpHeaders } from "node:http";
import type { Duplex } from "node:stream";

import { queueMicrotask } from "@trailsum/shared/streams";
import { type Dispatcher, errors } from "undici";

import type { HasDeadline } from "./deadlines.ts";
import { RequestDiagnostics } from "./diagnostics.ts";
import { headersObject } from "./headers-object.ts";
import type { OutgoingRequest } from "./outgoing-request.ts";

/** What carries an exchange at the moment: a connection, or the queue it waits in. */
export interface ExchangeCarrier {
  /** The handler takes no more for now. */
  pause(): void;
  /** The handler takes more again. */
  resume(): void;
  /** Aborts the exchange: its carrier releases it, and a connection in the middle of it is closed. */
  drop(exchange: Exchange, error: Error): void;
}

/** The most interim responses (1xx) while no content is sent: some servers report progress by them, and none needs more. */
const MAX_INTERIMS = 1_000;

/**
 * One request and the response to it, from `dispatch` to the last callback: what undici calls a controller, and the
 * place where the handler is called. Each of its endings happens at most once. A handler that throws has failed its
 * exchange; it has not aborted it, and so a retry may follow.
 */
export class Exchange implements Dispatcher.DispatchController, HasDeadline {
  readonly request: OutgoingRequest;
  readonly diagnostics: RequestDiagnostics;
  readonly #handler: Dispatcher.DispatchHandler;
  carrier: ExchangeCarrier | undefined;

  aborted = false;
  paused = false;
  reason: Error | null = null;
  rawHeaders: string[] | null = null;
  rawTrailers: string[] | null = null;
  /** The version of HTTP that carries it, which undici's own controllers do not report. */
  httpVersion: "1.1" | "2.0" = "1.1";
  /** How often the request was sent again because no server had begun to process it. */
  resendings = 0;
  /** Until when it may wait for a connection. */
  deadline: number = Number.POSITIVE_INFINITY;
  /** `answered`: the final response has begun. `ended`: the handler has been given the end, or an error. */
  #state: "requested" | "answered" | "ended" = "requested";
  /** How many interim responses have come since content was last sent. */
  #interims = 0;

  constructor(request: OutgoingRequest, handler: Dispatcher.DispatchHandler, origin: URL) {
    this.request = request;
    this.#handler = handler;
    this.diagnostics = new RequestDiagnostics(request, origin);
    // A body may fail while the request still waits for a connection.
    if (request.body.kind === "stream") request.body.stream.on("error", this.#onBodyError);
  }

  /** Reports to the handler that its request has begun, and gives it this as its controller. */
  begin(): void {
    this.diagnostics.created();
    if (this.#ended) return;
    try {
      this.#handler.onRequestStart?.(this, {});
    } catch (error) {
      this.fail(asError(error));
    }
  }

  /** Pauses the content. A head is still delivered, as undici does. */
  pause(): void {
    this.paused = true;
    if (this.#state === "answered") this.carrier?.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    if (this.#state === "answered") this.carrier?.resume();
  }

  abort(reason?: Error): void {
    if (this.aborted || this.#ended) return;
    this.aborted = true;
    this.reason = reason ?? new errors.RequestAbortedError();
    this.fail(this.reason);
  }

  /** It has waited too long for a connection. */
  onOverdue(): void {
    this.fail(new errors.HeadersTimeoutError("Headers Timeout Error: the server allows no requests"));
  }

  bodySent(chunk: Uint8Array): void {
    this.#interims = 0;
    this.diagnostics.bodyChunkSent(chunk);
    if (this.#ended) return;
    try {
      this.#handler.onBodySent?.(chunk as Buffer);
    } catch (error) {
      this.fail(asError(error));
    }
  }

  requestSent(): void {
    this.diagnostics.bodySent();
    if (this.#ended) return;
    try {
      this.#handler.onRequestSent?.();
    } catch (error) {
      this.fail(asError(error));
    }
  }

  /** A head: of an interim response (1xx), or of the final one. */
  responseStart(status: number, raw: string[], reason: string): void {
    this.rawHeaders = raw;
    if (status >= 200 && !this.#ended) {
      this.#state = "answered";
      if (this.paused) this.carrier?.pause();
    }
    if (this.#ended) return;
    if (status < 200 && (this.#interims += 1) > MAX_INTERIMS) {
      this.fail(interimsWithoutEnd());
      return;
    }
    this.diagnostics.headers(status, raw, reason);
    try {
      this.#handler.onResponseStarted?.();
      this.#handler.onResponseStart?.(this, status, this.#fieldsObject(raw), reason);
    } catch (error) {
      this.fail(asError(error));
    }
  }

  /** Whether one more interim response would be too much. */
  get interimsExhausted(): boolean {
    return this.#interims >= MAX_INTERIMS;
  }

  responseData(content: Buffer): void {
    if (this.#ended) return;
    this.diagnostics.bodyChunkReceived(content);
    try {
      this.#handler.onResponseData?.(this, content);
    } catch (error) {
      this.fail(asError(error));
    }
  }

  responseEnd(trailers: string[]): void {
    if (this.#ended) return;
    this.rawTrailers = trailers;
    this.#finish();
    this.diagnostics.trailers(trailers);
    try {
      this.#handler.onResponseEnd?.(this, this.#fieldsObject(trailers));
    } catch (error) {
      this.#report(asError(error));
    }
  }

  /**
   * The connection is the handler's now, unless it refuses it: by throwing, or by `abort`. Its error is then the socket's
   * too, as in undici: the callback of `upgrade` or `connect` has been called already. The socket ends when
   * the other side does, as undici's users expect; a handler that forwards both halves sets `allowHalfOpen`.
   */
  upgraded(status: number, raw: string[], socket: Duplex): void {
    if (this.#ended) return;
    this.rawHeaders = raw;
    this.diagnostics.headers(status, raw, "");
    socket.allowHalfOpen = false;
    this.carrier = { pause() {}, resume() {}, drop: (_exchange, error) => socket.on("error", ignore).destroy(error) };
    try {
      this.#handler.onRequestUpgrade?.(this, status, this.#fieldsObject(raw), socket);
    } catch (error) {
      this.fail(asError(error));
    }
    if (!this.#ended) this.diagnostics.trailers([]);
    this.#finish();
  }

  /** Ends it with an error: the carrier lets go, the body is destroyed, the handler gets the error. */
  fail(error: Error): void {
    if (this.#ended) return;
    const { carrier } = this;
    this.#finish();
    carrier?.drop(this, error);
    const { body } = this.request;
    if (body.kind === "stream") {
      // One that is destroyed already may still have its error to emit.
      body.stream.on("error", ignore);
      body.stream.destroy(error);
    }
    this.#report(error);
  }

  get #ended(): boolean {
    return this.#state === "ended";
  }

  #finish(): void {
    this.#state = "ended";
    this.carrier = undefined;
    if (this.request.body.kind === "stream") this.request.body.stream.off("error", this.#onBodyError);
  }

  #fieldsObject(raw: readonly string[]): IncomingHttpHeaders {
    return headersObject(this.request.rawFields ? NO_FIELDS : raw);
  }

  readonly #onBodyError = (error: Error): void => this.fail(error);

  /** An error that a handler throws here cannot be delivered, and must not disturb the connection or other exchanges. */
  #report(error: Error): void {
    this.diagnostics.error(error);
    try {
      this.#handler.onResponseError?.(this, error);
    } catch (thrown) {
      queueMicrotask(() => {
        throw thrown;
      });
    }
  }
}

/** The error of an exchange that never gets past interim responses. */
export function interimsWithoutEnd(): Error {
  return new errors.SocketError(`more than ${MAX_INTERIMS} interim responses`);
}

const NO_FIELDS: readonly string[] = [];

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function ignore(): void {}
