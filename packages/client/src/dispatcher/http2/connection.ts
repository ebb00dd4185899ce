import {
  type ClientHttp2Session,
  connect,
  constants,
  type SecureClientSessionOptions,
  type Settings,
} from "node:http2";
import type { Socket } from "node:net";

import { setImmediate } from "@trailsum/shared/http1";
import { errors } from "undici";

import type { Connection, ConnectionOwner, ConnectionTimeouts, ResponseLimits } from "../connection.ts";
import type { Exchange } from "../exchange.ts";
import { Deadlines } from "../deadlines.ts";
import { IdleTimer } from "../idle-timer.ts";
import { ExchangeStream, type StreamOwner } from "./exchange-stream.ts";
import type { Http2Options } from "./options.ts";
import { MAX_SECTION, type OriginParts } from "./request-fields.ts";
import { connectionLost } from "./stream-error.ts";

/** How long a server that reads nothing may hold the end of its connection up. */
const LAST_WORDS = 1_000;

/**
 * A session wears out by the streams that are reset on it, and takes no more after so many. nghttp2 ends a session for
 * everybody after about 1,000 resets (CVE-2023-44487), Envoy after 500 streams most of which were reset.
 */
const MOST_CANCELLED = 200;

/**
 * In MiB. Node never gives back what it counts for content that was queued when its stream was reset (nodejs/node
 * `maxSessionMemory`, 10 by default), and then refuses every response on the session. A stream queues little more than
 * 256 KiB, so {@link MOST_CANCELLED} of them stay far below this.
 */
const SESSION_MEMORY = 1_024;

/** What a connection is made with. */
interface Http2ConnectionOptions {
  readonly owner: ConnectionOwner;
  readonly url: URL;
  readonly timeouts: ConnectionTimeouts;
  readonly limits: ResponseLimits;
  readonly http2: Http2Options;
}

/**
 * One HTTP/2 connection to an origin. It carries as many exchanges at a time as both sides allow, each on a stream of
 * its own, and takes no more once either side has said that it is going away.
 */
export class Http2Connection implements Connection, StreamOwner {
  readonly origin: OriginParts;
  readonly timeouts: ConnectionTimeouts;
  readonly limits: ResponseLimits;
  readonly #owner: ConnectionOwner;
  readonly #options: Http2Options;
  readonly socket: Socket;
  readonly #session: ClientHttp2Session;
  readonly #running = new Set<ExchangeStream>();
  readonly deadlines: Deadlines = new Deadlines(this.#running);
  /** Upgrades that wait to hear whether the server can do them. */
  readonly #undecided = new Set<Exchange>();
  readonly #restTimer = new IdleTimer();
  readonly #pingTimer = new IdleTimer();
  /** How many streams the server allows; nobody knows before its SETTINGS have come. */
  #allowed: number | undefined;
  #extendedConnect = false;
  /** A PING is to be answered. */
  #asked = false;
  /** The owner knows that it is free. */
  #offered = true;
  #retired = false;
  #cancelled = 0;
  #closed = false;
  #error: Error | undefined;
  #goawayCode = 0;
  /** It was in use when it was lost. */
  #missed = false;
  proven = false;

  constructor(socket: Socket, { owner, url, timeouts, limits, http2 }: Http2ConnectionOptions) {
    this.origin = { scheme: url.protocol.slice(0, -1), authority: url.host };
    this.timeouts = timeouts;
    this.limits = limits;
    this.#owner = owner;
    this.#options = http2;
    this.socket = socket;
    socket.allowHalfOpen = false;
    // A server that never closes its side would keep the socket for ever.
    socket.once("finish", () => socket.destroy()).once("close", () => setImmediate(this.#onClose));
    this.#session = connect(url, { createConnection: () => socket, ...sessionOptions(limits, http2) });
    this.#session.setLocalWindowSize(http2.connectionWindowSize);
    this.#session.on("remoteSettings", this.#onSettings).on("goaway", this.#onGoaway);
    this.#session.on("error", this.#onError).on("close", this.#onClose);
    this.#session.unref();
    this.#pingTimer.set(http2.pingTimeout, this.#onNoSettings);
  }

  get capacity(): number {
    return Math.max(1, Math.min(this.#allowed ?? Number.POSITIVE_INFINITY, this.#options.maxConcurrentStreams));
  }

  get free(): boolean {
    if (this.#retired || this.#asked || this.#session.closed || this.#session.destroyed) return false;
    // More than one before its limit is known could be refused when their bodies have been read already.
    if (this.#allowed === undefined) return this.idle;
    return this.#load < Math.min(this.#allowed, this.#options.maxConcurrentStreams);
  }

  get idle(): boolean {
    return this.#load === 0;
  }

  get #load(): number {
    return this.#running.size + this.#undecided.size;
  }

  run(exchange: Exchange): void {
    this.#restTimer.clear();
    this.#session.ref();
    if (this.idle) this.#awaitSign();
    const { upgrade } = exchange.request;
    if (upgrade === undefined || upgrade === "CONNECT") this.#start(exchange);
    else if (this.#allowed === undefined) this.#awaitSettings(exchange);
    else this.#upgrade(exchange, upgrade);
    this.#offered = this.free;
  }

  destroy(error?: Error): void {
    if (error !== undefined) {
      this.#error ??= error;
      for (const exchange of this.#undecided) exchange.fail(error);
      for (const stream of this.#running) stream.fail(error);
    }
    this.#shut();
  }

  // The streams' side.

  lost(error: Error | undefined): Error | undefined {
    return this.#session.destroyed ? connectionLost(this.#error ?? error, this.#goawayCode) : undefined;
  }

  onReceived(): void {
    this.proven = true;
    this.#awaitSign();
  }

  /** What is overdue on one stream may be so because nothing comes any more at all: new exchanges wait until it does. */
  onOverdue(): void {
    this.#ask();
  }

  /** Those that run come to their end here, and new ones go to a fresh session. */
  onCancelled(): void {
    this.#cancelled += 1;
    if (this.#cancelled >= MOST_CANCELLED) this.#retire();
  }

  onOver(stream: ExchangeStream): void {
    if (!this.#running.delete(stream)) return;
    this.#missed ||= this.#session.destroyed;
    this.#settle();
  }

  onUnanswered(exchange: Exchange): void {
    this.#owner.onUnanswered(exchange);
  }

  onHttp1Required(exchange: Exchange): void {
    this.#owner.onHttp1Required(exchange);
  }

  #start(exchange: Exchange, protocol?: string): void {
    let stream: ExchangeStream;
    try {
      stream = new ExchangeStream(this.#session, exchange, this, protocol);
    } catch (error) {
      exchange.fail(new errors.InvalidArgumentError(`this cannot be sent: ${(error as Error).message}`));
      this.#settle();
      return;
    }
    this.#running.add(stream);
    stream.start();
  }

  /** RFC 8441: WebSocket over a stream. Nothing else that HTTP/1.1 can switch to has such a form. */
  #upgrade(exchange: Exchange, protocol: string): void {
    if (this.#extendedConnect && protocol.toLowerCase() === "websocket") {
      this.#start(exchange, "websocket");
      return;
    }
    this.#owner.onHttp1Required(exchange);
    this.#settle();
  }

  #awaitSettings(exchange: Exchange): void {
    this.#undecided.add(exchange);
    exchange.carrier = {
      pause: () => {},
      resume: () => {},
      drop: () => {
        this.#undecided.delete(exchange);
        this.#settle();
      },
    };
  }

  /** After an exchange has left: it can take another one, and where none is left, it rests. */
  #settle(): void {
    this.#offer();
    if (!this.idle) return;
    // Node itself would wait for streams that nobody waits for.
    if (this.#retired || this.#session.closed) {
      this.#shut();
      return;
    }
    this.#session.unref();
    this.#restTimer.set(this.timeouts.keepAlive, () => this.#shut());
    if (this.#allowed !== undefined) this.#pingTimer.clear();
    this.#owner.onIdle(this);
  }

  #offer(): void {
    if (this.#offered || !this.free) return;
    this.#offered = true;
    this.#owner.onFree(this);
  }

  // The session's side.

  readonly #onSettings = ({ maxConcurrentStreams, enableConnectProtocol }: Settings): void => {
    // The owner asks for the capacity when it hears that the connection is free.
    if (this.#allowed === undefined) this.#offered = false;
    this.#allowed = maxConcurrentStreams ?? Number.POSITIVE_INFINITY;
    if (this.#allowed === 0) this.#owner.onBlocked(this);
    this.#extendedConnect = enableConnectProtocol === true;
    this.#pingTimer.clear();
    if (!this.idle) this.#awaitSign();
    for (const exchange of this.#undecided) {
      this.#undecided.delete(exchange);
      this.#upgrade(exchange, exchange.request.upgrade!);
    }
    if (!this.free) this.#offered = false;
    this.#offer();
  };

  readonly #onGoaway = (code: number, lastStreamId: number): void => {
    this.#goawayCode = code;
    for (const stream of this.#running) stream.onGoaway(lastStreamId);
    this.#retire();
    if (this.idle) this.#shut();
  };

  readonly #onError = (error: Error): void => {
    this.#error ??= error;
  };

  /** The streams are told before, each for itself. */
  readonly #onClose = (): void => {
    if (this.#closed) return;
    this.#closed = true;
    this.#restTimer.stop();
    this.#pingTimer.stop();
    this.deadlines.stop();
    this.#retired = true;
    const error = connectionLost(this.#error, this.#goawayCode);
    const inUse = this.#missed || !this.idle;
    for (const exchange of this.#undecided) exchange.fail(error);
    this.#owner.onClosed(this, inUse ? error : undefined);
  };

  #retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    this.#owner.onRetired(this);
  }

  /** Says GOAWAY and closes, if need be without a server that does not even take that. */
  #shut(error?: Error): void {
    if (this.#session.destroyed) return;
    this.#error ??= error;
    this.#session.destroy(error, constants.NGHTTP2_NO_ERROR);
    const late = setTimeout(() => this.socket.destroy(), LAST_WORDS);
    this.socket.once("close", () => clearTimeout(late));
  }

  // Whether the server is still there.

  /** Asks when nothing has come for a while. SETTINGS come first, and are waited for in any case. */
  #awaitSign(): void {
    if (this.#allowed !== undefined && !this.#asked) this.#pingTimer.set(this.#options.pingInterval, this.#ask);
  }

  readonly #ask = (): void => {
    if (this.#asked || this.#session.closed || this.#session.destroyed) return;
    this.#asked = true;
    this.#offered = false;
    this.#owner.onUncertain(this);
    this.#pingTimer.set(this.#options.pingTimeout, this.#onNoSign);
    this.#session.ping((error) => {
      if (error !== null) return;
      this.#asked = false;
      this.#pingTimer.clear();
      if (!this.idle) this.#awaitSign();
      this.#offer();
    });
  };

  readonly #onNoSign = (): void => this.#breakOff("no answer to a PING");

  readonly #onNoSettings = (): void => this.#breakOff("no SETTINGS have come");

  #breakOff(reason: string): void {
    this.#shut(new errors.SocketError(`HTTP/2: ${reason}`));
  }
}

/**
 * Node refuses sections beyond `maxHeaderListSize`, and tells no more than a reset: it counts 32 bytes more for each
 * field than is counted here, and so it gets room enough for what is refused here to be refused with a reason.
 */
function sessionOptions(limits: ResponseLimits, { initialWindowSize }: Http2Options): SecureClientSessionOptions {
  const limit = Math.max(limits.maxHeaderSize, limits.maxTrailerSize);
  const maxHeaderListSize = Math.max(65_535, limit * 4);
  const settings = { enablePush: false, initialWindowSize, maxHeaderListSize };
  return {
    settings,
    maxSessionMemory: SESSION_MEMORY,
    maxSendHeaderBlockLength: MAX_SECTION * 2,
    maxHeaderListPairs: Math.ceil(maxHeaderListSize / 32),
    // A field may come as often as it was given: what it means is no matter of who carries it.
    strictSingleValueFields: false,
  } as SecureClientSessionOptions;
}
