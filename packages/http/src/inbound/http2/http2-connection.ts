import type { Socket } from "node:net";

import type { MessageLimits } from "../../http1/message-reader.ts";
import { ErrorCode } from "../../http2/error-code.ts";
import type { RequestHead } from "../../http2/message/request-head.ts";
import type { ServerHandler, StreamHandler } from "../../http2/session/handlers.ts";
import { ServerSession } from "../../http2/session/server-session.ts";
import type { ServerStream } from "../../http2/session/server-stream.ts";
import type { Http2Stream } from "../../http2/session/stream.ts";
import { SessionOutput } from "../../http2/transport/session-output.ts";
import { DirectSocketReader } from "../../transport/direct-socket-reader.ts";
import type { ServedConnection } from "../connections.ts";
import { clientAddress } from "../inbound-request.ts";
import { LingeringRead } from "../lingering-read.ts";
import { MinimumRate } from "../minimum-rate.ts";
import type { ServedConnectionOptions } from "../served-connection-options.ts";
import { SocketProgress } from "../socket-progress.ts";
import { unreadLimits } from "../unread-limits.ts";
import { Http2Exchange, type StreamContext } from "./http2-exchange.ts";
import { PATIENCE } from "./undecided-content.ts";

/** How connections of HTTP/2 are served. */
export interface Http2Options extends ServedConnectionOptions {
  readonly connectionWindow?: number | undefined;
}

/**
 * How much a client may send ahead on one stream, and on all of a connection: uploads that wait for a slow origin leave room for
 * others. Octets.
 */
const STREAM_WINDOW = 1_048_576;
const CONNECTION_WINDOW = 16 * 1_048_576;

/** What a field line of HTTP/1.1 has beside name and value. Octets. */
const LINE_OVERHEAD = ": \r\n".length;

/** The close of the socket, which follows, says all there is to know. */
const ignoreError = (): void => {};

/** How a request with a too large header section is handled. */
const IGNORED: StreamHandler = { onData() {}, onTrailers() {}, onWritable() {}, onReset() {} };

/**
 * One connection of HTTP/2 from a client, from its preface on: its streams are exchanges, and it ends when it has had none for a while.
 * The session is the protocol; this is its socket and its clock.
 */
export class Http2Connection implements ServedConnection, ServerHandler {
  readonly #socket: Socket;
  readonly #options: Http2Options;
  readonly #session: ServerSession;
  readonly #context: StreamContext;
  readonly #progress: SocketProgress;
  /** By their streams, as long as those are open. */
  readonly #exchanges = new Map<number, Http2Exchange>();
  /** Those that have not been handed over. */
  #begun: Http2Exchange[] = [];
  /** Of all of these, the clock of all connections says when. */
  readonly #openedAt: number = performance.now();
  #idleSince: number = this.#openedAt;
  #takenAt: number = this.#openedAt;
  readonly #sendingRate: MinimumRate;
  #announcedAt: number | undefined;
  /** What is done about what still comes, once the session has ended. */
  #lingering: LingeringRead | undefined;

  constructor(socket: Socket, options: Http2Options) {
    this.#socket = socket;
    this.#options = options;
    this.#progress = new SocketProgress(socket);
    this.#sendingRate = new MinimumRate(options.timeouts.minRate);
    this.#session = new ServerSession(this, {
      enableConnectProtocol: true,
      streamWindow: STREAM_WINDOW,
      connectionWindow: options.connectionWindow ?? CONNECTION_WINDOW,
      maxHeaderListSize: maxListSize(options.limits),
    });
    this.#context = {
      output: new SessionOutput(this.#session, socket),
      client: { remoteAddress: clientAddress(socket.remoteAddress), protocol: options.protocol },
      connection: socket,
      minRate: options.timeouts.minRate,
    };
    // It reads as long as there is a socket.
    void new DirectSocketReader(socket, (bytes) => this.receive(bytes));
    socket.on("end", this.#onEnd).on("drain", this.#onDrain);
    socket.on("error", ignoreError).on("close", this.#onClose);
    this.#session.start();
  }

  /** Takes the next bytes, also those that were read before it was there. Returns how many of them were content. */
  receive(bytes: Buffer): number | undefined {
    if (this.#lingering !== undefined) {
      this.#lingering.receive(bytes.length);
      return 0;
    }
    let content: number | undefined;
    try {
      content = this.#session.receive(bytes);
    } catch {
      // A stream that content is written to can throw, and other clients must not suffer from that.
      this.#socket.destroy();
    }
    if (this.#begun.length > 0) this.#handOver();
    return content;
  }

  // The clock's side.

  check(now: number): void {
    if (this.#lingering !== undefined) {
      this.#lingering.check(now);
      return;
    }
    const { head, keepAlive, idle } = this.#options.timeouts;
    const backlogged = this.#socket.writableLength > 0;
    const moved = this.#progress.hasMoved();
    if (moved || !backlogged) this.#takenAt = now;
    for (const exchange of this.#exchanges.values()) exchange.check(now, idle, backlogged && moved);
    const slow = this.#sendingRate.isMissed(now, this.#progress.taken, backlogged);
    if (slow || now - this.#takenAt > idle) this.#socket.destroy();
    else if (!this.#session.settingsAcknowledged && now - this.#openedAt > head)
      this.#session.close(ErrorCode.SETTINGS_TIMEOUT, "no acknowledgement of SETTINGS");
    else if (this.#announcedAt !== undefined) this.#checkShutdown(now, this.#announcedAt);
    else if (this.#exchanges.size === 0 && now - this.#idleSince > keepAlive) this.#shutDown(now);
  }

  stop(): void {
    for (const exchange of this.#exchanges.values()) exchange.stop();
    this.#shutDown(performance.now());
  }

  /** Sends GOAWAY, and ends after the last stream. Requests that cross it are still served. */
  #shutDown(now: number): void {
    if (this.#announcedAt !== undefined) return;
    this.#announcedAt = now;
    this.#session.shutdown();
  }

  /** A client that does not acknowledge the GOAWAY is not waited for. */
  #checkShutdown(now: number, announcedAt: number): void {
    if (now - announcedAt > unreadLimits.idle) this.#session.shutdown();
  }

  // The session's side.

  onRequest(stream: ServerStream, request: RequestHead, endStream: boolean): StreamHandler {
    if (exceeds(request, this.#options.limits)) {
      stream.reset(ErrorCode.ENHANCE_YOUR_CALM);
      return IGNORED;
    }
    const exchange = new Http2Exchange(stream, { head: request, whole: endStream }, this.#context);
    this.#exchanges.set(stream.id, exchange);
    this.#begun.push(exchange);
    return exchange;
  }

  onOutput(): void {
    this.#context.output.schedule();
  }

  onSettings(): void {}

  onGoaway(): void {
    this.#shutDown(performance.now());
  }

  onPong(): void {}

  onStreamClosed({ id }: Http2Stream): void {
    this.#exchanges.delete(id);
    if (this.#exchanges.size === 0) this.#idleSince = performance.now();
  }

  onClosed(): void {
    this.#lingering = new LingeringRead(this.#socket, this.#progress, this.#options.timeouts.idle);
    this.#context.output.schedule();
  }

  /**
   * Hands over those whose heads were in what was read, together with all of their content that came with it. Where it is undecided
   * whether there is content, that is waited for a moment.
   */
  #handOver(): void {
    const begun = this.#begun;
    this.#begun = [];
    for (const exchange of begun) {
      if (exchange.undecided) this.#awaitContent(exchange);
      else this.#handle(exchange);
    }
  }

  /** Has it looked at again after what is read next, and at the latest after a while. */
  #awaitContent(exchange: Http2Exchange): void {
    this.#begun.push(exchange);
    const onImpatient = (): void => {
      if (!this.#begun.includes(exchange)) return;
      this.#begun = this.#begun.filter((other) => other !== exchange);
      this.#handle(exchange);
    };
    setTimeout(onImpatient, PATIENCE);
  }

  #handle(exchange: Http2Exchange): void {
    exchange.decide();
    void this.#options.handle(exchange);
  }

  // The socket's side.

  /** No half of a connection is of any use: no window would be opened any more. */
  readonly #onEnd = (): void => {
    if (this.#lingering !== undefined) return;
    this.#context.output.flush();
    this.#socket.destroy();
  };

  readonly #onDrain = (): void => {
    this.#context.output.flush();
  };

  readonly #onClose = (): void => {
    this.#options.connections.delete(this);
    this.#session.disconnected();
    this.#context.output.lost();
  };
}

/** Whether a header section is larger than is accepted, counted as in HTTP/1.1. */
function exceeds({ method, path = "", fields }: RequestHead, { maxHeaderSize, maxFields }: MessageLimits): boolean {
  const { raw, length } = fields;
  let size = method.length + path.length;
  for (let at = 0; at < raw.length; at += 2) size += raw[at]!.length + raw[at + 1]!.length + LINE_OVERHEAD;
  return length > maxFields || size > maxHeaderSize;
}

/**
 * The field list to accept, for headers and trailers alike: what is accepted over HTTP/1.1 has to fit, and HTTP/2 counts 32 octets more
 * for each line (RFC 9113 section 6.5.2).
 */
function maxListSize({ maxHeaderSize, maxTrailerSize, maxFields }: MessageLimits): number {
  return Math.max(maxHeaderSize, maxTrailerSize) + 32 * maxFields;
}
