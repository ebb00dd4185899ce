import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";

import { type ErrorCode, errorProblem, FieldLines, problemMediaType, TrailsumError } from "@trailsum/shared";

import { MessageWriter } from "../../http1/message-writer.ts";
import { RequestFault } from "../../http1/request-fault.ts";
import type { RequestHead } from "../../http1/request-head.ts";
import { RequestReader, type RequestSink } from "../../http1/request-reader.ts";
import { DirectSocketReader } from "../../transport/direct-socket-reader.ts";
import { resetConnection } from "../../transport/reset-connection.ts";
import type { Connections, ServedConnection } from "../connections.ts";
import { clientAddress, type ClientInfo } from "../inbound-request.ts";
import { LingeringRead } from "../lingering-read.ts";
import { MinimumRate } from "../minimum-rate.ts";
import type { ServedConnectionOptions } from "../served-connection-options.ts";
import { SocketProgress } from "../socket-progress.ts";
import { Http1Exchange } from "./http1-exchange.ts";
import { responseHeadText } from "./response-head.ts";

/** How connections of HTTP/1.1 are served. */
export interface Http1Options extends ServedConnectionOptions {
  /**
   * Whether a client that has ended its side after its requests is still answered.
   * @default false: it is indistinguishable from one that has disconnected, and counts as gone
   */
  readonly answersHalfClosed?: boolean | undefined;
}

/**
 * One connection of HTTP/1.1 from a client. It reads one request after the other and answers each before it begins the
 * next: what a client sends ahead waits. It is used again only when both messages have been complete.
 */
export class Http1Connection implements RequestSink, ServedConnection {
  /** The socket. */
  readonly socket: Socket;
  /** Writes the responses. */
  readonly writer: MessageWriter;
  /** The peer of the connection. */
  readonly client: ClientInfo;
  readonly #options: Http1Options;
  readonly #reader: RequestReader;
  readonly #reading: DirectSocketReader;
  #exchange: Http1Exchange | undefined;
  #phase: "idle" | "exchange" | "discarding" | "closing" = "idle";
  /** Whether the exchange has begun and is not handed over yet. */
  #begun = false;
  /** Since when it is idle, by the shared clock of all connections, and whether bytes have moved since its last check. */
  #since: number = performance.now();
  #moved = false;
  /** Whether the head of the next request had begun at the last look. */
  #headBegun = false;
  readonly #progress: SocketProgress;
  /** The limits of what is discarded. */
  #lingering: LingeringRead | undefined;
  /** Bytes of content that have come. */
  #received = 0;
  readonly #receivingRate: MinimumRate;
  readonly #sendingRate: MinimumRate;
  #clientEnded = false;

  constructor(socket: Socket, options: Http1Options) {
    this.socket = socket;
    this.#options = options;
    this.writer = new MessageWriter(socket);
    this.#progress = new SocketProgress(socket);
    this.#receivingRate = new MinimumRate(options.timeouts.minRate);
    this.#sendingRate = new MinimumRate(options.timeouts.minRate);
    this.client = { remoteAddress: clientAddress(socket.remoteAddress), protocol: options.protocol };
    this.#reader = new RequestReader(this, options.limits);
    this.#reading = new DirectSocketReader(socket, (bytes) => this.receive(bytes));
    socket.on("end", this.#onEnd).on("drain", this.#onDrain);
    socket.on("error", this.#onError).on("close", this.#onClose);
  }

  /**
   * Takes the next bytes, also those that were read before it was there. Returns how much of them was content, unless some of them are held
   * back.
   */
  receive(bytes: Buffer): number | undefined {
    if (this.#phase === "closing") {
      this.#lingering?.receive(bytes.length);
      return 0;
    }
    const before = this.#received;
    this.#read(() => this.#reader.read(bytes));
    return this.#reader.waiting ? undefined : this.#received - before;
  }

  // The clock's side.

  check(now: number): void {
    if (this.#moved) this.#since = now;
    this.#moved = false;
    if (this.#phase === "idle") this.#checkIdle(now);
    else if (this.#phase === "exchange") this.#checkExchange(now);
    else this.#lingering?.check(now);
  }

  /** A head that has begun has only so long from the look that finds it. */
  #checkIdle(now: number): void {
    const { keepAlive, head } = this.#options.timeouts;
    const begun = this.#reader.started;
    if (begun !== this.#headBegun) this.#since = now;
    this.#headBegun = begun;
    const rested = now - this.#since;
    if (begun && rested > head) this.#refuse(new TrailsumError("TIMEOUT", "the head of the request took too long"));
    else if (!begun && rested > keepAlive) this.socket.destroy();
  }

  /**
   * Given up is an exchange in which nothing moves, in either direction, though the client has content to send or a
   * response to take: one side of a conversation may be silent for as long as the other speaks. And, where a minimum rate
   * is demanded, one in which content or response move too slowly; content only until the response begins.
   */
  #checkExchange(now: number): void {
    const unsent = this.socket.writableLength;
    const awaited = this.#exchange?.awaitsContent === true && !this.#reader.paused;
    if (this.#progress.hasMoved() || (unsent === 0 && !awaited)) this.#since = now;
    const slowToTake = this.#sendingRate.isMissed(now, this.#progress.taken, unsent > 0);
    const sends = awaited && this.#exchange?.status === undefined;
    if (slowToTake || (unsent > 0 && now - this.#since > this.#options.timeouts.idle)) resetConnection(this.socket);
    else if (this.#receivingRate.isMissed(now, this.#received, sends))
      this.#exchange?.lost(new TrailsumError("TIMEOUT", "the client sent its content too slowly"));
    else if (now - this.#since > this.#options.timeouts.idle)
      this.#exchange?.lost(new TrailsumError("TIMEOUT", "the client sent nothing for too long"));
  }

  stop(): void {
    if (this.#phase !== "idle" || this.#reader.started) this.#exchange?.makeLast();
    else {
      this.writer.flush();
      // The last response may still be waiting for the client.
      if (this.socket.writableLength > 0) this.close();
      else this.socket.destroy();
    }
  }

  /** Whether the server stops, and so the response in hand is the last one. */
  get stopping(): boolean {
    return this.#options.connections.stopping;
  }

  // The exchange's side.

  /** Lets content come. */
  resume(): void {
    this.#read(() => this.#reader.resume());
  }

  /** Holds content back. */
  pause(): void {
    this.#reader.pause();
  }

  /** The response has been written completely. */
  advance(): void {
    const exchange = this.#exchange;
    if (exchange === undefined || !exchange.ended) return;
    if (!exchange.persistent) this.close();
    else if (this.#reader.complete && !this.writer.full) {
      this.#exchange = undefined;
      this.#phase = "idle";
      this.#moved = true;
      this.#next();
      this.#closeAfterLast();
    }
  }

  /** A client that has ended its side sends no further request. */
  #closeAfterLast(): void {
    if (this.#clientEnded && this.#phase === "idle") this.close();
  }

  /** Reads and discards what is still to come of a request that has its answer. */
  discard(): void {
    this.#discardFrom("discarding");
    this.resume();
  }

  /**
   * Closes the connection after its last answer. Closing at once would make the system reset it while the client is
   * still sending, and the reset can overtake the answer: what still comes is read and discarded for a while.
   */
  close(): void {
    if (this.#phase === "closing") return;
    this.#discardFrom("closing");
    this.writer.flush();
    this.socket.end();
    this.#reading.resume();
  }

  /** Lets go of the socket, for another protocol. What followed the head comes first. */
  release(): Socket {
    const { socket } = this;
    const rest = this.#reader.rest();
    this.#options.connections.delete(this);
    this.#exchange = undefined;
    socket.off("end", this.#onEnd).off("drain", this.#onDrain);
    socket.off("error", this.#onError).off("close", this.#onClose);
    this.#reading.release(rest);
    this.#options.connections.add(new Tunnel(socket, this.#options.connections));
    return socket;
  }

  // The reader's side: what the request consists of.

  /** Starts the exchange of a request. */
  onHead(head: RequestHead): void {
    const exchange = new Http1Exchange(this, head);
    this.#exchange = exchange;
    this.#phase = "exchange";
    this.#moved = true;
    this.#begun = true;
  }

  onContent(piece: Buffer): void {
    this.#moved = true;
    this.#received += piece.length;
    if (this.#phase === "discarding" || this.#phase === "closing") this.#lingering?.receive(piece.length);
    else this.#exchange?.received(piece);
  }

  onComplete(trailers: string[]): void {
    this.#exchange?.complete(FieldLines.owning(trailers));
    this.advance();
  }

  // The socket's side.

  readonly #onEnd = (): void => {
    this.#clientEnded = true;
    if (this.#phase === "closing") return;
    try {
      this.#reader.end();
    } catch (error) {
      this.#refuse(error);
      return;
    }
    const unanswered = this.#exchange?.ended === false || this.#reader.waiting;
    if (this.#options.answersHalfClosed === true && unanswered) return;
    // A half-closed client looks the same as one that has disconnected; like Go, treat it as disconnected.
    if (this.#exchange === undefined || this.#exchange.ended) this.close();
    else if (this.#reader.complete) this.socket.destroy();
  };

  readonly #onDrain = (): void => {
    this.writer.returnTaken();
    this.#exchange?.drained();
    this.advance();
  };

  readonly #onError = (): void => {};

  readonly #onClose = (): void => {
    this.#options.connections.delete(this);
    this.#exchange?.closed();
  };

  #next(): void {
    this.#read(() => this.#reader.next());
  }

  #read(some: () => void): void {
    try {
      some();
    } catch (error) {
      this.#refuse(error);
    }
    this.#begin();
    this.#settleReading();
  }

  /** Hands over the exchange that has begun, once all that came together with its head is read. More waits. */
  #begin(): void {
    if (!this.#begun || this.#exchange === undefined) return;
    this.#begun = false;
    if (!this.#reader.complete) this.#reader.pause();
    void this.#options.handle(this.#exchange);
  }

  /** Reads no more from the socket while what has come is waiting. */
  #settleReading(): void {
    if (this.#reader.waiting) this.#reading.pause();
    else if (this.#reading.paused) this.#reading.resume();
  }

  #discardFrom(phase: "discarding" | "closing"): void {
    this.#phase = phase;
    this.#lingering = new LingeringRead(this.socket, this.#progress, this.#options.timeouts.idle);
  }

  /** Answers a malformed request, if the response cannot be mistaken for that of another request; nothing more is read. */
  #refuse(error: unknown): void {
    const exchange = this.#exchange;
    if (exchange?.ended === true) this.close();
    else if (exchange !== undefined)
      exchange.lost(this.#clientEnded ? undefined : asRefusal(error, "TRAILERS_TOO_LARGE"));
    else if (this.#clientEnded) this.socket.destroy();
    else this.#answerRefusal(asRefusal(error));
  }

  #answerRefusal(refusal: TrailsumError): void {
    const document = `${JSON.stringify(errorProblem(refusal))}\n`;
    const status = refusal.status ?? 400;
    const framing = `Connection: close\r\nContent-Length: ${Buffer.byteLength(document)}\r\n`;
    const header = FieldLines.from([["Content-Type", problemMediaType]]);
    this.writer.text(responseHeadText({ status, reason: STATUS_CODES[status] ?? "", header, framing }));
    this.writer.text(document);
    this.close();
  }
}

/** A connection that has left HTTP. It ends with the server. */
class Tunnel implements ServedConnection {
  readonly #socket: Socket;

  constructor(socket: Socket, connections: Connections) {
    this.#socket = socket;
    socket.once("close", () => connections.delete(this));
  }

  check(): void {}

  stop(): void {
    this.#socket.destroy();
  }
}

/** The error for a fault; `tooLarge` is its meaning for a section that is too large: after a head, that of trailers. */
function asRefusal(error: unknown, tooLarge: ErrorCode = "PROTOCOL"): TrailsumError {
  if (!(error instanceof RequestFault)) return TrailsumError.from(error);
  const { message, status } = error;
  return new TrailsumError(status === 431 ? tooLarge : "PROTOCOL", message, { status });
}
