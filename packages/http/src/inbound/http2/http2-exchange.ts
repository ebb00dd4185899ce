import type { Duplex } from "node:stream";

import { FieldLines, TrailsumError } from "@trailsum/shared";

import { ErrorCode } from "../../http2/error-code.ts";
import type { RequestHead } from "../../http2/message/request-head.ts";
import type { StreamHandler, StreamReset } from "../../http2/session/handlers.ts";
import type { ServerStream } from "../../http2/session/server-stream.ts";
import { HeldContent } from "../../http2/transport/held-content.ts";
import type { SentListener, SessionOutput } from "../../http2/transport/session-output.ts";
import { StreamTunnel } from "../../http2/transport/stream-tunnel.ts";
import type { ContentSource } from "../inbound-content.ts";
import {
  type ClientConnection,
  clientGoneError,
  type InboundExchange,
  type OutgoingHead,
  headerWithAdded,
} from "../inbound-exchange.ts";
import type { ClientInfo, InboundRequest } from "../inbound-request.ts";
import { MinimumRate } from "../minimum-rate.ts";
import { http2Request } from "./http2-request.ts";
import { RequestContent } from "./request-content.ts";
import { finalFields, plainFields } from "./response-fields.ts";
import { isUndecided } from "./undecided-content.ts";

/**
 * How far a response has come. `begun`: its head was sent. `ending`: there is no more to come, but content that the client's window does
 * not allow yet. `ended`: its end has been written. `sent`: the system has accepted it.
 */
type ResponseState = "none" | "begun" | "ending" | "ended" | "sent";

/** A request whose header section has come. */
export interface ReceivedRequest {
  readonly head: RequestHead;
  /** Whether nothing follows. */
  readonly whole: boolean;
}

/** What an exchange has of its connection. */
export interface StreamContext {
  readonly output: SessionOutput;
  readonly client: ClientInfo;
  readonly connection: ClientConnection;
  /** The fewest octets per second of content or response; 0 demands nothing. */
  readonly minRate: number;
}

/** When so much of a response waits for the client's window, no more should be given. Octets. */
const HIGH_WATER = 65_536;

/** How long a sender that has its answer may still send. Milliseconds. */
const LINGER = 500;

/** One stream of HTTP/2: a request and the response to it. */
export class Http2Exchange implements InboundExchange, StreamHandler, SentListener {
  request: InboundRequest;
  content: ContentSource | undefined;
  readonly connection: ClientConnection;
  onGone: (() => void) | undefined;
  onDrain: (() => void) | undefined;
  onReleased: ((piece: Uint8Array) => void) | undefined;
  addedFields: FieldLines | undefined;
  status: number | undefined;
  gone = false;
  readonly #stream: ServerStream;
  readonly #output: SessionOutput;
  readonly #received: RequestContent;
  #tunnel: StreamTunnel | undefined;
  #response: ResponseState = "none";
  #hasContent = false;
  /** Content that the client's window, or the connection, does not allow yet. */
  readonly #waiting = new HeldContent();
  #blocked = false;
  #trailers: FieldLines = FieldLines.empty;
  #sending: { readonly done: () => void; readonly failed: (error: Error) => void } | undefined;
  /** Since when the rest of the request is not wanted. */
  #unwantedSince: number | undefined;
  /** When something last moved, as far as the clock of all connections knows, and whether something has since. */
  #since: number = performance.now();
  #moved = false;
  contentReceived = 0;
  contentSent = 0;
  readonly #receivingRate: MinimumRate;
  readonly #sendingRate: MinimumRate;

  constructor(
    stream: ServerStream,
    { head, whole }: ReceivedRequest,
    { output, client, connection, minRate }: StreamContext,
  ) {
    this.connection = connection;
    this.#receivingRate = new MinimumRate(minRate);
    this.#sendingRate = new MinimumRate(minRate);
    this.#stream = stream;
    this.#output = output;
    this.#received = new RequestContent(stream, whole);
    this.request = http2Request(head, { whole, client });
    this.content = whole || this.request.upgrade !== undefined ? undefined : this.#received;
  }

  /** Whether the first frame of its content has to be waited for. It can be handed over afterwards. */
  get undecided(): boolean {
    const { method, header } = this.request;
    if (this.content === undefined || this.#received.started) return false;
    return isUndecided({ method, length: header.get("content-length"), expect: header.get("expect") });
  }

  /** To be called when it is handed over: a request whose content has turned out to be empty has none. */
  decide(): void {
    if (!this.#received.empty) return;
    this.request = { ...this.request, content: undefined };
    this.content = undefined;
  }

  // The response.

  interim(status: number, header: FieldLines): void {
    if (this.#response !== "none") return;
    sendable(() => this.#stream.sendInterim(status, plainFields(header)));
  }

  head({ status, header, hasContent, length }: OutgoingHead): void {
    checkStatus(status);
    const fields = finalFields(headerWithAdded(this, header), length);
    sendable(() => this.#stream.respond(status, fields, { endStream: !hasContent }));
    this.#stream.onTaken = this.onReleased;
    this.status = status;
    this.#hasContent = hasContent;
    this.#response = "begun";
  }

  write(piece: Buffer): boolean {
    if (this.#response !== "begun" || !this.#hasContent || piece.length === 0 || this.gone) return true;
    const taken = this.#waiting.length > 0 ? 0 : this.#sendContent(piece);
    if (taken === piece.length) return true;
    const rest = taken === 0 ? piece : piece.subarray(taken);
    if (this.#waiting.push(rest)) this.onReleased?.(rest);
    this.#blocked = this.#waiting.length >= HIGH_WATER;
    return !this.#blocked;
  }

  end(trailers: FieldLines): void {
    if (this.#response !== "begun") return;
    this.#response = "ending";
    this.#trailers = trailers;
    if (this.#waiting.length === 0) this.#finish();
  }

  whenSent(done: () => void, failed: (error: Error) => void): void {
    if (this.#response === "sent") done();
    else if (this.gone) failed(clientGoneError());
    else this.#sending = { done, failed };
  }

  abort(resetCode: number = ErrorCode.INTERNAL_ERROR): void {
    if (this.#stream.state === "closed") return;
    this.#stream.reset(resetCode);
    this.#lose();
  }

  /**
   * A server that does not need the rest of a request sends RST_STREAM with NO_ERROR (RFC 9113 section 8.1): when its response has
   * left, which a reset would overtake, and a little later. Until then what comes is read and discarded, as most stop by
   * themselves, and some that find the answer and the reset in one packet lose the answer (curl 7.88).
   */
  conclude(): void {
    if (this.#tunnel !== undefined) return;
    this.#received.conclude();
  }

  /** In HTTP/2 the success of an extended CONNECT is a 200 (RFC 8441 section 5). */
  switchTo(_protocol: string, header: FieldLines): Duplex {
    const fields = finalFields(header, undefined);
    sendable(() => this.#stream.respond(200, fields));
    this.status = 200;
    const tunnel = new StreamTunnel(this.#stream);
    this.#tunnel = tunnel;
    tunnel.receive(this.#received.release(), this.#received.state === "complete");
    return tunnel;
  }

  // The connection's side.

  /**
   * Gives the exchange up when nothing moves in either direction though something should, or too slowly. `draining`: the socket is full
   * and the system takes some of it, so it is not this stream's client that is waited for.
   */
  check(now: number, idle: number, draining: boolean): void {
    if (this.#tunnel !== undefined) return;
    if (this.#received.unwanted) this.#unwantedSince ??= now;
    if (this.#unwantedSince !== undefined && this.#response === "sent" && now - this.#unwantedSince > LINGER) {
      this.#stream.reset(ErrorCode.NO_ERROR);
      return;
    }
    const unsent = this.#waiting.length > 0 && !draining;
    const { awaited } = this.#received;
    if (this.#moved || !(unsent || awaited)) this.#since = now;
    this.#moved = false;
    const slowToTake = this.#sendingRate.isMissed(now, this.contentSent, unsent);
    const slowToSend = this.#receivingRate.isMissed(now, this.contentReceived, awaited && this.status === undefined);
    if (slowToTake || slowToSend || now - this.#since > idle) this.#cut();
  }

  /** The server stops: streams without an exchange are ended. */
  stop(): void {
    this.#tunnel?.destroy();
  }

  onSent(taken: boolean): void {
    if (this.gone) return;
    if (!taken) {
      this.#lose();
      return;
    }
    this.#response = "sent";
    this.#sending?.done();
  }

  // The stream's side.

  onData(piece: Buffer, endStream: boolean): void {
    this.#moved = true;
    this.contentReceived += piece.length;
    if (this.#tunnel !== undefined) {
      this.#tunnel.receive(piece, endStream);
      return;
    }
    if (piece.length > 0) this.#received.receive(piece);
    if (endStream) this.#received.complete(FieldLines.empty);
  }

  onTrailers(trailers: FieldLines): void {
    this.#moved = true;
    this.#tunnel?.receiveEnd();
    this.#received.complete(trailers);
  }

  onWritable(): void {
    this.#tunnel?.resumeSending();
    this.#sendWaiting();
    if (this.#response === "ending" && this.#waiting.length === 0) this.#finish();
    if (!this.#blocked || this.#waiting.length >= HIGH_WATER) return;
    this.#blocked = false;
    this.onDrain?.();
  }

  onReset({ by, reason }: StreamReset): void {
    this.#lose(by === "session" ? new TrailsumError("PROTOCOL", reason, { status: 400 }) : undefined);
  }

  /** Returns how many bytes were accepted. */
  #sendContent(piece: Buffer): number {
    const taken = this.#stream.send(piece);
    if (taken > 0) this.#moved = true;
    this.contentSent += taken;
    return taken;
  }

  #sendWaiting(): void {
    for (let piece = this.#waiting.shift(); piece !== undefined; piece = this.#waiting.shift()) {
      const taken = this.#sendContent(piece);
      if (taken === piece.length) continue;
      this.#waiting.unshift(piece.subarray(taken));
      return;
    }
  }

  #finish(): void {
    // Without content the head was the end.
    if (this.#hasContent) {
      try {
        this.#stream.sendTrailers(plainFields(this.#trailers));
      } catch {
        // They may be sent long after they were given.
        this.abort();
        return;
      }
    }
    this.#response = "ended";
    this.#output.whenSent(this);
  }

  /** The client has rested for too long. */
  #cut(): void {
    this.#stream.reset(ErrorCode.CANCEL);
    this.#lose();
  }

  /** Nothing comes or goes any more. */
  #lose(reason?: TrailsumError): void {
    this.#waiting.clear();
    this.#received.lose(reason);
    this.#tunnel?.destroy(clientGoneError());
    if (this.gone || this.#response === "sent") return;
    this.gone = true;
    this.#sending?.failed(clientGoneError());
    this.onGone?.();
  }
}

/** HTTP/1.1 has room for more of them than there are (RFC 9110 section 15). */
function checkStatus(status: number): void {
  if (status >= 200 && status <= 599) return;
  throw new TrailsumError("PROTOCOL", `the status ${status} may not be sent`, { status: 502 });
}

/** Sends a field section. Throws what the client is answered with where it may not be sent: a hook can have put anything in. */
function sendable(send: () => void): void {
  try {
    send();
  } catch (error) {
    const { message } = TrailsumError.from(error);
    throw new TrailsumError("INTERNAL", `the response may not be sent: ${message}`, { cause: error, status: 502 });
  }
}
