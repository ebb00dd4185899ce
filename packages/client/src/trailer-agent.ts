import { Dispatcher, errors } from "undici";

import type { ConnectOptions } from "./connector.ts";
import { Exchange } from "./exchange.ts";
import { Origin, type OriginOptions } from "./origin.ts";
import { outgoingRequest, type TrailerDispatchOptions } from "./outgoing-request.ts";

/** Options of a {@link TrailerAgent}. Every time is in milliseconds, and 0 means no limit. */
export interface TrailerAgentOptions {
  /** TLS options (`ca`, `cert`, `key`, `rejectUnauthorized`, ...), the connect timeout (default 10,000), a Unix socket. */
  readonly connect?: ConnectOptions;
  /** The most connections to one origin. Default: no limit. */
  readonly connections?: number;
  /** How long the head of a response may take once the request has been sent. Default 300,000. */
  readonly headersTimeout?: number;
  /** How long a body may rest, either way. Default 300,000. */
  readonly bodyTimeout?: number;
  /** How long an idle connection is kept when the server gives no `Keep-Alive: timeout`. Default 4,000. */
  readonly keepAliveTimeout?: number;
  /** The longest that such a hint is followed. Default 600,000. */
  readonly keepAliveMaxTimeout?: number;
  /** How long a body waits for a 100 after `Expect: 100-continue`. Default 1,000. */
  readonly expectContinueTimeout?: number;
  /** The most bytes in the head of a response. Default 16,384. */
  readonly maxHeaderSize?: number;
  /** The most bytes in the trailer section of a response. Default 16,384. */
  readonly maxTrailerSize?: number;
}

/**
 * An undici `Dispatcher` that can send request trailers, and hands on those of responses as they stood on the wire.
 *
 * `request`, `stream`, `pipeline`, `connect`, `upgrade`, `compose` and undici's interceptors work on it unchanged; its
 * errors are undici's. It keeps connections alive and pools them per origin, applies back-pressure both ways, hands on
 * interim responses, and never completes a request whose body or trailers failed. `trailers` in the options of a
 * request are its trailer fields. Response fields are strings, latin1, in `controller.rawHeaders` and `rawTrailers`.
 *
 * Stricter than undici: a response that two recipients could read differently is an error (RFC 9112 section 6.3).
 */
export class TrailerAgent extends Dispatcher {
  readonly #options: OriginOptions;
  readonly #origins = new Map<string, Origin>();
  #needsDrain = false;
  #closed = false;
  #destroyed = false;
  #whenEmpty: (() => void)[] = [];

  constructor(options: TrailerAgentOptions = {}) {
    super();
    this.#options = {
      connect: options.connect ?? {},
      connections: positive("connections", options.connections) ?? Number.POSITIVE_INFINITY,
      timeouts: {
        headers: duration("headersTimeout", options.headersTimeout) ?? 300_000,
        body: duration("bodyTimeout", options.bodyTimeout) ?? 300_000,
        keepAlive: duration("keepAliveTimeout", options.keepAliveTimeout) ?? 4_000,
        keepAliveMax: duration("keepAliveMaxTimeout", options.keepAliveMaxTimeout) ?? 600_000,
        expectContinue: duration("expectContinueTimeout", options.expectContinueTimeout) ?? 1_000,
      },
      limits: {
        maxHeaderSize: positive("maxHeaderSize", options.maxHeaderSize) ?? 16_384,
        maxTrailerSize: positive("maxTrailerSize", options.maxTrailerSize) ?? 16_384,
      },
    };
  }

  /** Whether `close` or `destroy` was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Whether `destroy` was called. */
  get destroyed(): boolean {
    return this.#destroyed;
  }

  /**
   * Sends a request; the handler is told everything that follows, errors too. False when it has to wait for a
   * connection: a `drain` event says when nothing waits any more.
   */
  override dispatch(
    options: Dispatcher.DispatchOptions & TrailerDispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    checkHandler(handler);
    let exchange: Exchange;
    let origin: Origin;
    try {
      if (this.#destroyed) throw new errors.ClientDestroyedError();
      if (this.#closed) throw new errors.ClientClosedError();
      if (options === null || typeof options !== "object")
        throw new errors.InvalidArgumentError("opts must be an object.");
      exchange = new Exchange(outgoingRequest(options), handler);
      origin = this.#origin(options.origin);
    } catch (error) {
      // @ts-expect-error -- as undici does when there is no request yet, the handler gets no controller
      handler.onResponseError?.(null, error as Error);
      return false;
    }
    exchange.begin();
    if (exchange.ended) return true;
    origin.dispatch(exchange);
    if (origin.busy) this.#needsDrain = true;
    return !origin.busy;
  }

  /** Takes no more requests, and resolves once those under way have ended and every connection is closed. */
  override close(): Promise<void>;
  override close(callback: () => void): void;
  override close(callback?: () => void): Promise<void> | void {
    const done = this.#destroyed ? Promise.reject(new errors.ClientDestroyedError()) : this.#emptied();
    this.#closed = true;
    for (const origin of this.#origins.values()) origin.close();
    return callback === undefined ? done : void done.then(callback, callback);
  }

  /** Fails every request with `error` (default undici's `ClientDestroyedError`) and closes every connection. */
  override destroy(error?: Error | null): Promise<void>;
  override destroy(callback: () => void): void;
  override destroy(error: Error | null, callback: () => void): void;
  override destroy(first?: Error | null | (() => void), second?: () => void): Promise<void> | void {
    const callback = typeof first === "function" ? first : second;
    const error = typeof first === "function" ? null : first;
    this.#closed = true;
    this.#destroyed = true;
    const done = this.#emptied();
    for (const origin of this.#origins.values()) origin.destroy(error ?? new errors.ClientDestroyedError());
    return callback === undefined ? done : void done.then(callback, callback);
  }

  #origin(given: string | URL | undefined): Origin {
    const key = typeof given === "string" ? given : given?.origin;
    const known = key === undefined ? undefined : this.#origins.get(key);
    if (known !== undefined) return known;
    const url = originUrl(given);
    const origin = this.#origins.get(url.origin) ?? this.#newOrigin(url);
    return origin;
  }

  #newOrigin(url: URL): Origin {
    const origin = new Origin(url, this.#options, {
      onConnect: () => this.emit("connect", url, [this]),
      onDisconnect: (error) => this.emit("disconnect", url, [this], error as errors.UndiciError),
      onConnectionError: (error) => this.emit("connectionError", url, [this], error as errors.UndiciError),
      onEmpty: () => {
        // Nothing of an origin that nobody talks to any more is kept, so a crawl over many costs no memory.
        this.#origins.delete(url.origin);
        if (this.#origins.size === 0) for (const empty of this.#whenEmpty.splice(0)) empty();
      },
      onDrain: () => {
        if (!this.#needsDrain) return;
        this.#needsDrain = false;
        this.emit("drain", url);
      },
    });
    this.#origins.set(url.origin, origin);
    return origin;
  }

  #emptied(): Promise<void> {
    if (this.#origins.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenEmpty.push(resolve));
  }
}

function originUrl(given: string | URL | undefined): URL {
  const url = given === undefined || given === "" ? null : URL.parse(String(given));
  if (url === null || !(url.protocol === "http:" || url.protocol === "https:")) {
    throw new errors.InvalidArgumentError("Invalid URL protocol: the URL must start with `http:` or `https:`.");
  }
  return url;
}

function checkHandler(handler: unknown): asserts handler is Dispatcher.DispatchHandler {
  if (handler === null || typeof handler !== "object")
    throw new errors.InvalidArgumentError("handler must be an object");
}

function duration(name: string, value: number | undefined): number | undefined {
  if (value === undefined || (Number.isFinite(value) && value >= 0)) return value;
  throw new errors.InvalidArgumentError(`invalid ${name}: milliseconds, 0 or more`);
}

function positive(name: string, value: number | undefined): number | undefined {
  if (value === undefined || (Number.isInteger(value) && value > 0)) return value;
  throw new errors.InvalidArgumentError(`invalid ${name}: a positive integer`);
}
