import { TrailsumError } from "@trailsum/shared";

import { ErrorCode } from "../error-code.ts";
import { ConnectionFault } from "../fault.ts";
import { type Goaway, goawayLength, writeGoaway } from "../frames/goaway.ts";
import { PING_LENGTH, PING_PAYLOAD_LENGTH, writePing } from "../frames/ping.ts";
import type { HpackField } from "../hpack/field.ts";
import type { Role, Settings } from "../settings.ts";
import { Connection, type ConnectionOwner } from "./connection.ts";
import { FrameReceiver, type ReceiverEvents } from "./frame-receiver.ts";
import type { SessionHandler } from "./handlers.ts";
import { resolveOptions, type SessionOptions } from "./options.ts";
import type { Http2Stream } from "./stream.ts";

/**
 * How a session ends (RFC 9113 section 6.8). A server that shuts down says first that it will, and learns with the answer to a PING that the
 * client has heard it: `announced`. Then it names the last stream that it serves: `draining`, as a client is at once.
 */
type Phase = "open" | "announced" | "draining" | "closed";

/** The highest stream identifier. */
const MAX_STREAM_ID: number = 2 ** 31 - 1;

/** Of the PING that follows the first GOAWAY. */
const SHUTDOWN_PING: Buffer = Buffer.from("shutdown", "latin1");

/**
 * One HTTP/2 connection without its transport: it is given octets and calls, and gives events and octets. It never touches a socket, a timer or a
 * promise. Its owner
 *
 * - calls `start`, then `receive` with what arrives, and `disconnected` when nothing can arrive any more;
 * - is told by `onOutput` that there is something to send, and sends what `takeOutput` gives, unless the transport is full;
 * - closes the transport after `onClosed`, once the rest of the output has been sent.
 */
export abstract class Session {
  /** Shared with the streams. @internal */
  protected readonly connection: Connection;
  readonly #handler: SessionHandler;
  readonly #receiver: FrameReceiver;
  #phase: Phase = "open";
  /** What this side has said last of going away: the last stream of the peer that it serves. */
  #lastServed: number = MAX_STREAM_ID;
  /** What the peer has said last of going away. */
  #peerGoaway: Goaway | undefined;

  constructor(role: Role, handler: SessionHandler, options: SessionOptions) {
    this.#handler = handler;
    const owner: ConnectionOwner = {
      onOutput: () => handler.onOutput(),
      onStreamClosed: (stream) => this.#onStreamClosed(stream),
    };
    const events: ReceiverEvents = {
      openStream: (streamId, lines, endStream) => this.openStream(streamId, lines, endStream),
      onSettings: () => handler.onSettings(this.connection.remote),
      onGoaway: (goaway) => this.#onGoaway(goaway),
      onPong: (payload) => this.#onPong(payload),
    };
    this.connection = new Connection(role, owner, resolveOptions(options));
    this.#receiver = new FrameReceiver(this.connection, events);
  }

  /** What the peer has told in SETTINGS; nothing before the first ones have come. */
  get remoteSettings(): Settings | undefined {
    return this.#receiver.begun ? this.connection.remote : undefined;
  }

  /** Whether the peer has acknowledged all SETTINGS that were sent. How long to wait for that is for the owner to say. */
  get settingsAcknowledged(): boolean {
    return this.connection.local.acknowledged;
  }

  /** How many streams are open or half-closed. */
  get streamCount(): number {
    return this.connection.streams.size;
  }

  /** How much output waits to be taken. Octets. */
  get outputLength(): number {
    return this.connection.output.length;
  }

  /** Whether the session has ended. */
  get closed(): boolean {
    return this.#phase === "closed";
  }

  /** Whether either side has said that it goes away. */
  get goingAway(): boolean {
    return this.#phase !== "open" || this.#peerGoaway !== undefined;
  }

  /** Takes octets from the peer, in any pieces. They are kept as views while content is passed on, and must not change. */
  receive(bytes: Buffer): void {
    if (this.closed) return;
    this.connection.turn += 1;
    try {
      this.read(bytes);
    } catch (error) {
      if (!(error instanceof ConnectionFault)) throw error;
      this.#end(error);
    }
  }

  /**
   * Hands over what is to be sent, in order; empty where there is nothing. To be called whenever the transport takes more, until it gives
   * nothing: streams that wait for room continue meanwhile.
   */
  takeOutput(): readonly Buffer[] {
    const parts = this.connection.output.take();
    this.connection.limits.waitingReplies.refill();
    this.connection.sendQueue.resume();
    return parts;
  }

  /** Sends a PING, of which `onPong` is told the answer. Throws a `TrailsumError` with USAGE unless it has eight octets. */
  ping(payload: Buffer): void {
    if (payload.length !== PING_PAYLOAD_LENGTH) throw new TrailsumError("USAGE", "a PING has a payload of 8 octets");
    this.connection.write(PING_LENGTH, (target, at) => writePing(target, at, payload, false));
  }

  /** Changes settings of this side. What the peer may do more it may at once, what it may do less once it has acknowledged it. */
  updateSettings(changes: Partial<Omit<Settings, "enablePush">>): void {
    this.connection.sendSettings(changes);
    this.#receiver.applyLocalSettings();
  }

  /**
   * Ends the session gracefully (RFC 9113 section 6.8): what is open is completed, nothing new is begun, and `onClosed` follows the last
   * stream. Requests that cross the announcement of a server are still served.
   */
  shutdown(): void {
    if (this.#phase !== "open") return;
    if (this.connection.role === "client") {
      this.#drain();
      return;
    }
    this.#phase = "announced";
    this.#sendGoaway(ErrorCode.NO_ERROR, "");
    this.ping(SHUTDOWN_PING);
  }

  /** Ends the session at once: GOAWAY with an error code, and every stream that is open is reset. `onClosed` follows. */
  close(code: number = ErrorCode.NO_ERROR, reason = ""): void {
    if (!this.closed) this.#end(undefined, code, reason);
  }

  /** Nothing can be received or sent any more. Every stream that is open is reset, and `onClosed` follows. */
  disconnected(reason = "the connection was lost"): void {
    if (this.closed) return;
    this.connection.closed = true;
    this.#end(undefined, ErrorCode.INTERNAL_ERROR, reason);
  }

  /** Reads what has come. @internal */
  protected read(bytes: Buffer): void {
    this.#receiver.read(bytes);
  }

  /** Sends the first SETTINGS, and opens the window of the connection. @internal */
  protected begin(settings: Partial<Settings>): void {
    const { streamWindow, headerTableSize, maxHeaderListSize, connectionWindow } = this.connection.options;
    this.updateSettings({ ...settings, initialWindowSize: streamWindow, headerTableSize, maxHeaderListSize });
    const increment = this.connection.receiveWindow.enlarge(connectionWindow);
    if (increment > 0) this.connection.sendWindowUpdate(0, increment);
  }

  /** HEADERS on an idle stream. @internal */
  protected abstract openStream(streamId: number, lines: readonly HpackField[] | undefined, endStream: boolean): void;

  /** Whether no stream of the peer is served any more. @internal */
  protected get refusesStreams(): boolean {
    return this.#phase === "draining" || this.#phase === "closed";
  }

  #onGoaway(goaway: Goaway): void {
    const { lastStreamId, errorCode } = goaway;
    if (lastStreamId > (this.#peerGoaway?.lastStreamId ?? MAX_STREAM_ID)) {
      // RFC 9113 section 6.8.
      throw new ConnectionFault(ErrorCode.PROTOCOL_ERROR, "GOAWAY with a higher stream than before");
    }
    this.#peerGoaway = goaway;
    if (this.connection.role === "client") {
      const reason = "the server goes away and has not processed the stream";
      for (const stream of this.connection.streams.all()) {
        const code = errorCode === ErrorCode.NO_ERROR ? ErrorCode.REFUSED_STREAM : errorCode;
        if (stream.id > lastStreamId) stream.abort({ code, by: "goaway", reason });
      }
    }
    this.#handler.onGoaway(goaway);
  }

  #onPong(payload: Buffer): void {
    if (this.#phase === "announced" && payload.equals(SHUTDOWN_PING)) this.#drain();
    else this.#handler.onPong(payload);
  }

  #drain(): void {
    this.#phase = "draining";
    this.#stopServing();
    this.#sendGoaway(ErrorCode.NO_ERROR, "");
    this.#finishIfDrained();
  }

  #onStreamClosed(stream: Http2Stream): void {
    this.#handler.onStreamClosed(stream);
    this.#finishIfDrained();
  }

  #finishIfDrained(): void {
    if (this.#phase !== "draining" || this.connection.streams.size > 0) return;
    this.#phase = "closed";
    this.connection.closed = true;
    this.#receiver.stop();
    this.#handler.onClosed(undefined);
  }

  #end(
    fault: ConnectionFault | undefined,
    code: number = fault?.code ?? 0,
    reason: string = fault?.message ?? "",
  ): void {
    this.#stopServing();
    this.#sendGoaway(code, reason);
    this.#phase = "closed";
    this.connection.closed = true;
    this.#receiver.stop();
    for (const stream of this.connection.streams.all()) stream.abort({ code, by: "connection", reason });
    this.#handler.onClosed(fault);
  }

  /** RFC 9113 section 6.8: the stream that is named may not become a higher one. */
  #stopServing(): void {
    this.#lastServed = Math.min(this.#lastServed, this.connection.streams.lastRemoteId);
  }

  #sendGoaway(errorCode: number, debugData: string): void {
    const goaway = { lastStreamId: this.#lastServed, errorCode, debugData };
    this.connection.write(goawayLength(goaway), (target, at) => writeGoaway(target, at, goaway));
  }
}
