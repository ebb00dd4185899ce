import { Dispatcher, errors } from "undici";

import type { ConnectOptions } from "./connector.ts";
import { Exchange } from "./exchange.ts";
import { Origin, type OriginOptions } from "./origin.ts";
import { type OutgoingRequest, outgoingRequest, type TrailerDispatchOptions } from "./outgoing-request.ts";

/** Options of a {@link TrailerAgent}. Every time is in milliseconds, and 0 means no limit. */
export interface TrailerAgentOptions {
  /** TLS options (`ca`, `cert`, `key`, `rejectUnauthorized`, ...), the connect timeout (default 10,000), a Unix socket. */
  readonly connect?: ConnectOptions;
  /**
   * The HTTP proxy to reach origins through, `http:` or `https:`, with `user:password@` if it asks for credentials; or a
   * function that returns the one for an origin. Every connection is a tunnel (CONNECT), also to `http:` origins, so
   * that the proxy changes nothing of a message. It cannot be combined with `connect.socketPath`.
   * @default none
   */
  readonly proxy?: string | URL | ((origin: URL) => string | URL | undefined);
  /**
   * Whether HTTP/2 is offered to `https:` origins, which choose it or HTTP/1.1 (ALPN, RFC 7301). Default true. To handlers
   * the protocol makes no difference, except that names are lower-case, the reason phrase is missing, and tunnels begin differently.
   */
  readonly allowH2?: boolean;
  /** Whether `http:` origins are spoken to in HTTP/2, by prior knowledge (RFC 9113 section 3.3). Default false. */
  readonly useH2c?: boolean;
  /** The most requests at a time on one HTTP/2 connection, if the server allows as many. Default 100. */
  readonly maxConcurrentStreams?: number;
  /** How many bytes of one HTTP/2 response may wait to be read. Default 1,048,576. */
  readonly initialWindowSize?: number;
  /** How many bytes of all responses may be in flight on one HTTP/2 connection. Default 16,777,216. */
  readonly connectionWindowSize?: number;
  /**
   * How long nothing may come on an HTTP/2 connection with requests under way until a PING asks whether the server is
   * still there. Default 0: servers of gRPC take more than one in five minutes for an attack. After a timeout it is
   * asked in any case, and no new request goes there until it has answered.
   */
  readonly pingInterval?: number;
  /** How long the answer to a PING, and the first SETTINGS, may take until the connection counts as lost. Default 15,000. */
  readonly pingTimeout?: number;
  /** The most connections to one origin, of which one of HTTP/2 carries many requests. Default: no limit. */
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
 * An undici `Dispatcher` that can send request trailers, and delivers those of responses as received.
 *
 * `request`, `stream`, `pipeline`, `connect`, `upgrade`, `compose` and undici's interceptors work on it unchanged; its
 * errors are undici's, and it publishes on undici's diagnostics channels. It needs undici 8, the caller's own (a peer
 * dependency): other major versions, and the `fetch` built into Node, speak to dispatchers in another way. It keeps connections alive and pools them per origin, applies back-pressure both ways, hands on
 * interim responses, and never completes a request whose body or trailers failed. `trailers` in the options of a
 * request are its trailer fields. Response fields are strings, latin1, in `controller.rawHeaders` and `rawTrailers`;
 * `controller.httpVersion` is the version that carried it.
 *
 * Over HTTP/2 an upgrade to WebSocket is an extended CONNECT (RFC 8441): its handler gets a status of 200 and a stream,
 * which undici's own `upgrade` takes for a refusal. A server that cannot do that, and every other upgrade, is asked over
 * HTTP/1.1. What a server has refused unprocessed is sent again, up to three times. The error of a stream that was
 * reset, or of a connection that was closed, with an error code has it as `http2ErrorCode` (RFC 9113 section 7), and
 * `stream` or `connection` as `http2ErrorScope`. The error of a connection that could not be made has `connecting: true`.
 *
 * A connection of HTTP/1.1 that has carried a HEAD is closed, as in undici, unless `reset` is false: some servers send the
 * content all the same, and it would answer the next request. A session of HTTP/2 takes no more requests after 200 streams
 * of it were reset from here, and the next ones go to another.
 *
 * Stricter than undici: a response that two recipients could read differently is an error (RFC 9112 section 6.3), and
 * so is one over HTTP/2 that is reset before its end, with NO_ERROR too.
 *
 * @example
 * ```ts
 * import { TrailerAgent } from "@trailsum/client";
 * import { request } from "undici";
 *
 * await request("https://files.example/report", {
 *   dispatcher: new TrailerAgent(),
 *   method: "PUT",
 *   body: "content",
 *   trailers: { Size: "7" },
 * });
 * ```
 */
export class TrailerAgent extends Dispatcher {
  readonly #options: OriginOptions;
  readonly #proxyOf: (origin: URL) => URL | undefined;
  readonly #origins = new Map<string, Origin>();
  #closed = false;
  #destroyed = false;
  #whenEmpty: (() => void)[] = [];

  constructor(options: TrailerAgentOptions = {}) {
    super();
    // `compose` gives a proxy of this object, through which no private field could be reached.
    this.close = this.close.bind(this);
    this.destroy = this.destroy.bind(this);
    duration("connect.timeout", options.connect?.timeout);
    this.#proxyOf = proxyChoice(options);
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
      http2: {
        negotiated: flag("allowH2", options.allowH2) ?? true,
        priorKnowledge: flag("useH2c", options.useH2c) ?? false,
        maxConcurrentStreams: positive("maxConcurrentStreams", options.maxConcurrentStreams) ?? 100,
        initialWindowSize: windowSize("initialWindowSize", options.initialWindowSize) ?? 1_048_576,
        connectionWindowSize: windowSize("connectionWindowSize", options.connectionWindowSize) ?? 16_777_216,
        pingInterval: duration("pingInterval", options.pingInterval) ?? 0,
        pingTimeout: duration("pingTimeout", options.pingTimeout) ?? 15_000,
      },
    };
  }

  /** Whether `close` or `destroy` was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Whether `destroy` was called, or `close` and all exchanges have ended. */
  get destroyed(): boolean {
    return this.#destroyed;
  }

  /**
   * Sends a request; the handler gets everything that follows, errors too. False when every connection is taken, so
   * that another request would have to wait: a `drain` event says when one is free again.
   */
  override dispatch(
    options: Dispatcher.DispatchOptions & TrailerDispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    if (handler === null || typeof handler !== "object")
      throw new errors.InvalidArgumentError("handler must be an object");
    let request: OutgoingRequest;
    let origin: Origin;
    try {
      if (options === null || typeof options !== "object")
        throw new errors.InvalidArgumentError("opts must be an object.");
      if ("dispatcher" in options)
        throw new errors.InvalidArgumentError(`opts.dispatcher is for undici's own functions: ${OTHER_MAJOR}`);
      if (this.#destroyed) throw new errors.ClientDestroyedError();
      if (this.#closed) throw new errors.ClientClosedError();
      request = outgoingRequest(options);
      checkHandler(handler, request.upgrade !== undefined);
      origin = this.#origin(options);
    } catch (error) {
      if (typeof handler.onResponseError !== "function") throw error;
      // @ts-expect-error -- as undici does when there is no request yet, the handler gets no controller
      handler.onResponseError(null, error as Error);
      return false;
    }
    return origin.dispatch(new Exchange(request, handler, origin.url));
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

  #origin({ origin: given, servername }: TrailerDispatchOptions): Origin {
    // What is given is most often the key already.
    const known = typeof given === "string" && !servername ? this.#origins.get(given) : undefined;
    if (known !== undefined) return known;
    const url = originUrl(given);
    const name = url.protocol === "https:" ? servername || undefined : undefined;
    const key = name === undefined ? url.origin : `${url.origin} as ${name}`;
    return this.#origins.get(key) ?? this.#newOrigin(key, url, name);
  }

  #newOrigin(key: string, url: URL, servername: string | undefined): Origin {
    const connect = servername === undefined ? this.#options.connect : { ...this.#options.connect, servername };
    const origin: Origin = new Origin(
      url,
      { ...this.#options, connect, proxy: this.#proxyOf(url) },
      {
        onConnect: () => this.emit("connect", url, [this]),
        onDisconnect: (error) => this.emit("disconnect", url, [this], error as errors.UndiciError),
        onConnectionError: (error) => this.emit("connectionError", url, [this], error as errors.UndiciError),
        onEmpty: () => {
          // Nothing is kept of an origin without connections, so a crawl over many costs no memory.
          if (this.#origins.get(key) === origin) this.#origins.delete(key);
          if (this.#origins.size === 0) for (const empty of this.#whenEmpty.splice(0)) empty();
        },
        onDrain: () => this.emit("drain", url),
      },
    );
    this.#origins.set(key, origin);
    return origin;
  }

  async #emptied(): Promise<void> {
    await (this.#origins.size === 0 ? undefined : new Promise<void>((resolve) => this.#whenEmpty.push(resolve)));
    this.#destroyed = true;
  }
}

function originUrl(given: string | URL | undefined): URL {
  const url = given === undefined || given === "" ? null : URL.parse(String(given));
  if (url === null || !(url.protocol === "http:" || url.protocol === "https:")) {
    throw new errors.InvalidArgumentError("Invalid URL protocol: the URL must start with `http:` or `https:`.");
  }
  return url;
}

/** The proxy for each origin. One that is the same for all is checked at once. */
function proxyChoice({ proxy, connect }: TrailerAgentOptions): (origin: URL) => URL | undefined {
  if (proxy === undefined) return () => undefined;
  if (connect?.socketPath !== undefined)
    throw new errors.InvalidArgumentError("proxy cannot be combined with connect.socketPath");
  if (typeof proxy !== "function") {
    const url = proxyUrl(proxy);
    return () => url;
  }
  return (origin) => {
    const chosen = proxy(origin);
    return chosen === undefined ? undefined : proxyUrl(chosen);
  };
}

function proxyUrl(given: string | URL): URL {
  const url = URL.parse(String(given));
  if (url !== null && (url.protocol === "http:" || url.protocol === "https:") && url.hostname !== "") return url;
  // Not the value itself: it may hold a password.
  throw new errors.InvalidArgumentError("invalid proxy: its URL must begin with http:// or https://");
}

const REQUIRED: readonly (keyof Dispatcher.DispatchHandler)[] = ["onRequestStart", "onResponseError"];
const FOR_RESPONSES: typeof REQUIRED = [...REQUIRED, "onResponseStart", "onResponseData", "onResponseEnd"];
const FOR_UPGRADES: typeof REQUIRED = [...REQUIRED, "onRequestUpgrade"];

/** Handlers and options changed with every major version, and a request would never report its end. */
const OTHER_MAJOR =
  "TrailerAgent works with undici 8 only, not with another major version or the fetch built into Node";

/** A handler that cannot receive the end of its request is refused before anything is sent. */
function checkHandler(handler: Dispatcher.DispatchHandler, upgrades: boolean): void {
  for (const method of upgrades ? FOR_UPGRADES : FOR_RESPONSES) {
    if (typeof handler[method] === "function") continue;
    const why = "onConnect" in handler || "onHeaders" in handler ? `: ${OTHER_MAJOR}` : "";
    throw new errors.InvalidArgumentError(`invalid ${method} method${why}`);
  }
}

function duration(name: string, value: number | undefined): number | undefined {
  if (value === undefined || (Number.isFinite(value) && value >= 0)) return value;
  throw new errors.InvalidArgumentError(`invalid ${name}: milliseconds, 0 or more`);
}

/** RFC 9113 section 6.9.1. */
function windowSize(name: string, value: number | undefined): number | undefined {
  const size = positive(name, value);
  if (size === undefined || size < 2 ** 31) return size;
  throw new errors.InvalidArgumentError(`invalid ${name}: fewer than 2^31 bytes`);
}

function flag(name: string, value: boolean | undefined): boolean | undefined {
  if (value === undefined || typeof value === "boolean") return value;
  throw new errors.InvalidArgumentError(`invalid ${name}: true or false`);
}

function positive(name: string, value: number | undefined): number | undefined {
  if (value === undefined || (Number.isInteger(value) && value > 0)) return value;
  throw new errors.InvalidArgumentError(`invalid ${name}: a positive integer`);
}
