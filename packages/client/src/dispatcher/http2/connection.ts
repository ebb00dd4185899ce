import type { Socket } from "node:net";

import {
  ClientSession,
  ConnectionFault,
  ErrorCode,
  type Goaway,
  type SessionHandler,
  SessionOutput,
  type Settings,
  type StreamReset,
} from "@trailsum/http/http2";
import { DirectSocketReader } from "@trailsum/http/transport";
import { errors } from "undici";

import type { Connection, ConnectionOwner, ConnectionTimeouts, ResponseLimits } from "../connection.ts";
import type { Exchange } from "../exchange.ts";
import { Deadlines } from "../deadlines.ts";
import { frameDiagnostics } from "../diagnostics.ts";
import { IdleTimer } from "../idle-timer.ts";
import { surviveWriteErrors } from "../write-errors.ts";
import { ExchangeStream } from "./exchange-stream.ts";
import { Liveness, type LivenessEvents } from "./liveness.ts";
import type { Http2Options } from "./options.ts";
import { PendingUpgrades } from "./pending-upgrades.ts";
import type { OriginParts } from "./request-fields.ts";
import { connectionLost } from "./stream-error.ts";
import type { StreamOwner } from "./stream-owner.ts";
import { UnopenedStreams } from "./unopened-streams.ts";

/** How long a server that reads nothing may hold the end of its connection up. Milliseconds. */
const LAST_WORDS = 1_000;

/** How long answers may still come when nothing can be sent any more. Milliseconds. */
const ANSWER_AFTER_WRITE_ERROR = 2_000;

/** The smallest window of a connection (RFC 9113 section 6.9.2). Octets. */
const MIN_WINDOW = 65_535;

/** What every PING carries. */
const PING: Buffer = Buffer.from("trailsum", "latin1");

/** Why a request is not begun on a connection that takes no more. */
const NOT_BEGUN: StreamReset = { code: ErrorCode.REFUSED_STREAM, by: "goaway", reason: "the server goes away" };

/** `open`: it takes exchanges. `retired`: it takes no more, and carries the rest of what it has. */
type Phase = "open" | "retired" | "closed";

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
export class Http2Connection implements Connection, StreamOwner, SessionHandler, LivenessEvents {
  readonly origin: OriginParts;
  readonly timeouts: ConnectionTimeouts;
  readonly limits: ResponseLimits;
  readonly socket: Socket;
  readonly output: SessionOutput;
  readonly #owner: ConnectionOwner;
  readonly #options: Http2Options;
  readonly #session: ClientSession;
  readonly #running = new Set<ExchangeStream>();
  readonly deadlines: Deadlines = new Deadlines(this.#running);
  readonly #unopened = new UnopenedStreams();
  readonly #upgrades = new PendingUpgrades(() => this.#settle());
  readonly #restTimer = new IdleTimer();
  readonly #liveness: Liveness;
  /** How many streams the server allows, which is not known before its SETTINGS have come. */
  #allowed: number | undefined;
  /** The owner knows that it is free. */
  #offered = true;
  #phase: Phase = "open";
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
    this.#session = new ClientSession(this, {
      streamWindow: http2.initialWindowSize,
      connectionWindow: Math.max(MIN_WINDOW, http2.connectionWindowSize),
      maxHeaderListSize: maxListSize(limits),
    });
    const frames = frameDiagnostics(socket);
    this.output = new SessionOutput(this.#session, socket, () => this.#begin(), frames?.sent);
    surviveWriteErrors(socket, (error) => this.#onWriteError(error));
    // It reads as long as there is a socket.
    void new DirectSocketReader(socket, (bytes) => {
      frames?.received(bytes);
      this.#session.receive(bytes);
    });
    socket.on("end", this.#onEnd).on("drain", () => this.output.flush());
    socket.on("error", this.#onError).on("close", this.#onClose);
    // A server that never closes its side would keep the socket for ever.
    socket.once("finish", () => socket.destroy());
    this.#session.start();
    socket.unref();
    this.#liveness = new Liveness(http2, this);
  }

  get capacity(): number {
    return Math.max(1, Math.min(this.#allowed ?? Number.POSITIVE_INFINITY, this.#options.maxConcurrentStreams));
  }

  get free(): boolean {
    if (this.#phase !== "open" || this.#liveness.asked || this.#session.goingAway) return false;
    // More than one before its limit is known could be refused when their bodies have been read already.
    if (this.#allowed === undefined) return this.idle;
    return this.#load < Math.min(this.#allowed, this.#options.maxConcurrentStreams);
  }

  get idle(): boolean {
    return this.#load === 0;
  }

  get #load(): number {
    return this.#running.size + this.#upgrades.size;
  }

  run(exchange: Exchange): void {
    this.#restTimer.clear();
    this.socket.ref();
    if (this.idle) this.#liveness.awaitSign();
    const { upgrade } = exchange.request;
    if (upgrade === undefined || upgrade === "CONNECT") this.#start(exchange);
    else if (this.#allowed === undefined) this.#upgrades.add(exchange);
    else this.#upgrade(exchange, upgrade);
    this.#offered = this.free;
  }

  destroy(error?: Error): void {
    if (error !== undefined) {
      this.#error ??= error;
      this.#upgrades.fail(error);
      for (const stream of this.#running) stream.fail(error);
    }
    this.#shut();
  }

  // The streams' side.

  lostBy({ code, reason }: StreamReset): Error {
    const fault = code === ErrorCode.NO_ERROR ? undefined : new ConnectionFault(code, reason);
    return connectionLost(this.#error ?? fault, this.#goawayCode);
  }

  onReceived(): void {
    this.proven = true;
    this.#liveness.awaitSign();
  }

  /** What is overdue on one stream may be so because nothing comes any more at all: new exchanges wait until it does. */
  onOverdue(): void {
    if (!this.#session.closed) this.#liveness.ask();
  }

  onOver(stream: ExchangeStream): void {
    if (!this.#running.delete(stream)) return;
    this.#missed ||= this.#session.closed;
    this.#settle();
  }

  onUnanswered(exchange: Exchange): void {
    this.#owner.onUnanswered(exchange);
  }

  onHttp1Required(exchange: Exchange): void {
    this.#owner.onHttp1Required(exchange);
  }

  #start(exchange: Exchange, protocol?: string): void {
    const stream = new ExchangeStream(exchange, this, protocol);
    this.#running.add(stream);
    this.#unopened.add(stream);
    this.output.schedule();
  }

  #begin(): void {
    if (this.#unopened.isEmpty) return;
    this.#unopened.open(this.#session, this.#allowed ?? Number.POSITIVE_INFINITY, NOT_BEGUN);
    // Identifiers of streams are used once (RFC 9113 section 5.1.1).
    if (!this.#session.canRequest && this.#session.streamCount === 0) this.#retire();
  }

  /** RFC 8441: WebSocket over a stream. Nothing else that HTTP/1.1 can switch to has such a form. */
  #upgrade(exchange: Exchange, protocol: string): void {
    if (this.#session.remoteSettings?.enableConnectProtocol === true && protocol.toLowerCase() === "websocket") {
      this.#start(exchange, "websocket");
      return;
    }
    this.#owner.onHttp1Required(exchange);
    this.#settle();
  }

  /** After an exchange has ended: the connection can take another, and is idle after the last. */
  #settle(): void {
    this.#offer();
    if (!this.idle) return;
    if (this.#phase !== "open") {
      this.#shut();
      return;
    }
    this.socket.unref();
    this.#restTimer.set(this.timeouts.keepAlive, () => this.#shut());
    this.#liveness.rest();
    this.#owner.onIdle(this);
  }

  #offer(): void {
    if (this.#offered || !this.free) return;
    this.#offered = true;
    this.#owner.onFree(this);
  }

  // The session's side.

  onOutput(): void {
    this.output.schedule();
  }

  onSettings({ maxConcurrentStreams }: Settings): void {
    // The owner asks for the capacity when it hears that the connection is free.
    if (this.#allowed === undefined) this.#offered = false;
    this.#allowed = maxConcurrentStreams;
    if (maxConcurrentStreams === 0) this.#owner.onBlocked(this);
    this.#liveness.onSettings();
    if (!this.idle) this.#liveness.awaitSign();
    this.#upgrades.decide((exchange) => this.#upgrade(exchange, exchange.request.upgrade!));
    if (!this.free) this.#offered = false;
    this.#offer();
  }

  onGoaway({ errorCode }: Goaway): void {
    this.#goawayCode = errorCode;
    this.#retire();
    this.#unopened.refuse(NOT_BEGUN);
    // After an error the server closes the connection (RFC 9113 section 5.4.1), and sends nothing more.
    if (this.idle || errorCode !== ErrorCode.NO_ERROR) this.#shut();
  }

  onPong(): void {
    if (!this.#liveness.onPong()) return;
    if (!this.idle) this.#liveness.awaitSign();
    this.#offer();
  }

  /** Exchanges are counted as long as their handlers are not through with them. */
  onStreamClosed(): void {
    if (!this.#unopened.isEmpty) this.output.schedule();
  }

  onClosed(fault: ConnectionFault | undefined): void {
    this.#error ??= fault;
    this.#retire();
    this.output.schedule();
    this.#destroySoon(LAST_WORDS);
  }

  // The socket's side.

  /** No half of a connection is of any use: no window would be opened any more. */
  readonly #onEnd = (): void => {
    this.#lose();
    this.socket.destroy();
  };

  /** A server that stops reading may have sent answers before it did. */
  #onWriteError(error: Error): void {
    this.#error ??= error;
    this.#retire();
    this.#unopened.refuse(NOT_BEGUN);
    this.#destroySoon(this.idle ? 0 : ANSWER_AFTER_WRITE_ERROR);
  }

  readonly #onError = (error: Error): void => {
    this.#error ??= error;
  };

  readonly #onClose = (): void => {
    this.#lose();
    this.#phase = "closed";
    this.#restTimer.stop();
    this.#liveness.stop();
    this.deadlines.stop();
    const error = this.#missed ? connectionLost(this.#error, this.#goawayCode) : undefined;
    this.#owner.onClosed(this, error);
  };

  /** Nothing comes or goes any more. */
  #lose(): void {
    this.#error ??= this.#session.closed ? undefined : new errors.SocketError("other side closed");
    this.#missed ||= !this.idle;
    const reset: StreamReset = { code: ErrorCode.INTERNAL_ERROR, by: "connection", reason: "the connection was lost" };
    this.#session.disconnected(reset.reason);
    this.#unopened.refuse(reset);
    this.#upgrades.fail(this.lostBy(reset));
    this.output.lost();
  }

  #destroySoon(delay: number): void {
    const late = setTimeout(() => this.socket.destroy(), delay);
    this.socket.once("close", () => clearTimeout(late));
  }

  #retire(): void {
    if (this.#phase !== "open") return;
    this.#phase = "retired";
    this.#owner.onRetired(this);
  }

  /** Says GOAWAY and closes, if need be without a server that does not even take that. */
  #shut(error?: Error): void {
    this.#error ??= error;
    this.#session.close(ErrorCode.NO_ERROR);
  }

  // Whether the server is still there.

  onDoubt(): void {
    this.#offered = false;
    this.#owner.onProbing(this);
    this.#session.ping(PING);
  }

  onSilence(reason: string): void {
    this.#shut(new errors.SocketError(`HTTP/2: ${reason}`));
  }
}

/**
 * How large a field section may be. HTTP/2 counts 32 octets more for each line than there are (RFC 9113 section 6.5.2), and what may come
 * over HTTP/1.1 may come here. Slightly larger responses are read too, so that they fail their stream and not the connection.
 */
function maxListSize({ maxHeaderSize, maxTrailerSize }: ResponseLimits): number {
  return Math.max(262_144, Math.max(maxHeaderSize, maxTrailerSize) * 4);
}
