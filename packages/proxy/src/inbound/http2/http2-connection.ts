import { performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

import { sessionLimits, superviseSession } from "@trailsum/shared/http2";

import type { Connections, ServedConnection } from "../../connections.ts";
import { clientAddress, type RequestOrigin } from "../../request/inbound-request.ts";
import type { InboundTimeouts } from "../http1/http1-connection.ts";
import type { RequestLimits } from "../http1/request-reader.ts";
import type { InboundExchange } from "../inbound-exchange.ts";
import { unreadLimits } from "../unread-limits.ts";
import { type ContentStart, whenContentKnown } from "./undecided-content.ts";
import { Http2Exchange, type StreamBeginning } from "./http2-exchange.ts";

/** How sessions of HTTP/2 are served. */
export interface Http2Options {
  readonly forward: (exchange: InboundExchange) => Promise<void>;
  readonly connections: Connections;
  readonly limits: RequestLimits;
  readonly timeouts: InboundTimeouts;
}

/** How much a client may send ahead on one stream, and on all of a session. Bytes. */
const STREAM_WINDOW = 1_048_576;
const SESSION_WINDOW = 4 * 1_048_576;

const END_STREAM = 0x1;

/**
 * One connection of HTTP/2 from a client, from its preface on: its streams are exchanges, and it ends when it has had
 * none for a while.
 */
export class Http2Connection implements ServedConnection {
  readonly #socket: Socket;
  readonly #session: ServerHttp2Session;
  readonly #options: Http2Options;
  readonly #exchanges = new Set<Http2Exchange>();
  /** When the last exchange ended. */
  #idleSince: number = performance.now();
  /** When the session was found to be over, though its connection is not. */
  #overSince: number | undefined;

  constructor(socket: Socket, options: Http2Options) {
    this.#socket = socket;
    this.#options = options;
    const { connections, limits } = options;
    const { minRate } = options.timeouts;
    const origin: RequestOrigin = {
      remoteAddress: clientAddress(socket.remoteAddress),
      protocol: socket instanceof TLSSocket ? "https" : "http",
    };
    const session = performServerHandshake(socket, {
      ...sessionLimits,
      maxHeaderListPairs: limits.maxFields,
      maxSendHeaderBlockLength: 1_048_576,
      settings: {
        enableConnectProtocol: true,
        initialWindowSize: STREAM_WINDOW,
        maxConcurrentStreams: 256,
        maxHeaderListSize: sectionSize(limits),
      },
    });
    this.#session = session;
    session.setLocalWindowSize(SESSION_WINDOW);
    superviseSession(session);
    session.on("stream", (stream, headers, flags, raw: string[]) => {
      const onKnown = (start: ContentStart): void => this.#begin(stream, { raw, ...start, origin, minRate });
      whenContentKnown(stream, headers, { endStream: (flags & END_STREAM) !== 0, onKnown });
    });
    // A session that breaks takes its streams with it, and they tell of it.
    session.on("error", () => {}).on("close", () => connections.delete(this));
    // No half of it is of any use: no window would be opened any more, and whoever has gone wants no answer.
    socket.on("error", () => {}).once("end", () => session.destroy());
  }

  #begin(stream: ServerHttp2Stream, beginning: StreamBeginning): void {
    const exchange = new Http2Exchange(stream, beginning);
    this.#exchanges.add(exchange);
    stream.once("close", () => {
      this.#exchanges.delete(exchange);
      this.#idleSince = performance.now();
    });
    void this.#options.forward(exchange);
  }

  check(now: number): void {
    const { keepAlive, idle } = this.#options.timeouts;
    if (this.#session.destroyed) {
      // Node has ended its side of the connection, and waits for the client to end the other.
      this.#overSince ??= now;
      if (now - this.#overSince > unreadLimits.idle) this.#socket.destroy();
      return;
    }
    if (this.#exchanges.size === 0) {
      if (now - this.#idleSince > keepAlive) this.#session.close();
      if (now - this.#idleSince > keepAlive + idle) this.#session.destroy();
    }
    for (const exchange of this.#exchanges) exchange.check(now, idle);
  }

  stop(): void {
    for (const exchange of this.#exchanges) exchange.stop();
    // Says GOAWAY, and closes when the last stream has ended.
    if (!this.#session.closed) this.#session.close();
  }
}

/**
 * How large a field section may be. Node sets no limit by itself; HTTP/2 counts 32 bytes more for each line than there
 * are (RFC 9113 section 10.5.1), and what may come by HTTP/1.1 may come here. What is larger is reset with
 * ENHANCE_YOUR_CALM.
 */
function sectionSize({ maxHeaderSize, maxTrailerSize, maxFields }: RequestLimits): number {
  return Math.max(maxHeaderSize, maxTrailerSize) + 32 * maxFields;
}
