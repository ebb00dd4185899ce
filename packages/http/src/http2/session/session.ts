import { TrailsumError } from "@trailsum/shared";

import { ErrorCode } from "../error-code.ts";
import { ConnectionFault } from "../fault.ts";
import { MAX_STREAM_ID } from "../frames/frame-header.ts";
import { type Goaway, goawayLength, writeGoaway } from "../frames/goaway.ts";
import { PING_LENGTH, PING_PAYLOAD_LENGTH, writePing } from "../frames/ping.ts";
import type { HpackField } from "../hpack/field.ts";
import { changedSettings, DEFAULT_SETTINGS, type Role, settingPairs, type Settings } from "../settings.ts";
import { Connection, type ConnectionOwner } from "./connection.ts";
import { FrameReceiver, type ReceiverEvents } from "./frame-receiver.ts";
import type { SessionHandler } from "./handlers.ts";
import { resolveOptions, type SessionOptions } from "./options.ts";
import type { Http2Stream } from "./stream.ts";

/**
 * How a session ends gracefully (RFC 9113 section 6.8). A server first sends GOAWAY with the highest stream identifier and a PING:
 * `announced`. When the client has answered the PING, it sends GOAWAY with the last stream that it serves: `draining`. A client, which
 * serves no streams, is `draining` at once.
 */
type Phase = "open" | "announced" | "draining" | "closed";

/** The payload of the PING that follows the first GOAWAY. */
const SHUTDOWN_PING: Buffer = Buffer.from("shutdown", "latin1");

/**
 * One HTTP/2 connection without its transport: octets and calls in, events and octets out. It never touches a socket, a timer or a promise.
 * Its owner
 *
 * - calls `start`, then `receive` with the octets that arrive, and `disconnected` when the transport has closed;
 * - sends what `takeOutput` returns after `onOutput` and whenever the transport has drained, at best at the end of a turn of the event loop;
 * - closes the transport after `onClosed`, when the rest of the output has been sent.
 */
export abstract class Session {
  /** The state that the streams share. @internal */
  protected readonly connection: Connection;
  readonly #handler: SessionHandler;
  readonly #receiver: FrameReceiver;
  #phase: Phase = "open";
  /** The last stream that this side serves, as its last GOAWAY says. */
  #lastServed: number = MAX_STREAM_ID;
  /** The peer's last GOAWAY. */
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

  /** The settings of the peer; `undefined` before its first SETTINGS. */
  get remoteSettings(): Settings | undefined {
    return this.#receiver.begun ? this.connection.remote : undefined;
  }

  /** Whether the peer has acknowledged all SETTINGS that were sent. How long that may take is for the owner to decide. */
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

  /** Whether either side has sent GOAWAY. */
  get goingAway(): boolean {
    return this.#phase !== "open" || this.#peerGoaway !== undefined;
  }

  /**
   * Takes octets from the peer, cut anywhere. Content is passed on as views of them, so they must not change while anybody keeps it. Returns
   * how many of them were content; the others are not used any more.
   */
  receive(bytes: Buffer): number {
    if (this.closed) return 0;
    this.connection.turn += 1;
    const before = this.#receiver.contentReceived;
    try {
      this.read(bytes);
    } catch (error) {
      if (!(error instanceof ConnectionFault)) throw error;
      this.#end(error);
    }
    return this.#receiver.contentReceived - before;
  }

  /**
   * Returns what is to be sent, in order; an empty list if there is nothing. To be called while the transport accepts more, until it returns
   * nothing: streams that wait for room continue during the call.
   */
  takeOutput(): readonly Buffer[] {
    const parts = this.connection.output.take();
    this.connection.limits.waitingReplies.refill();
    this.connection.sendQueue.resume();
    return parts;
  }

  /** The transport has taken all that was handed over: content of streams with `onTaken` goes back to its owners. */
  outputTaken(): void {
    this.connection.output.returnTaken();
  }

  /** Sends a PING; `onPong` is called for the answer. Throws a `TrailsumError` with USAGE unless it has eight octets. */
  ping(payload: Buffer): void {
    if (payload.length !== PING_PAYLOAD_LENGTH) throw new TrailsumError("USAGE", "a PING has a payload of 8 octets");
    this.connection.write(PING_LENGTH, (target, at) => writePing(target, at, payload, false));
  }

  /**
   * Changes settings of this side. What they grant holds at once, what they restrict when the peer has acknowledged them. Throws a
   * `TrailsumError` with USAGE for a value that may not be sent.
   */
  updateSettings(changes: Partial<Omit<Settings, "enablePush" | "maxHeaderListSize">>): void {
    this.#changeSettings(changes);
  }

  /**
   * Ends the session gracefully (RFC 9113 section 6.8): open streams complete, no new ones begin, and `onClosed` follows the last stream.
   * A server still serves requests that were sent before its client received the first GOAWAY: until the client has acknowledged it, or until
   * this is called again.
   */
  shutdown(): void {
    if (this.#phase === "announced" || (this.#phase === "open" && this.connection.role === "client")) {
      this.#drain();
      return;
    }
    if (this.#phase !== "open") return;
    this.#phase = "announced";
    this.#sendGoaway(ErrorCode.NO_ERROR, "");
    this.ping(SHUTDOWN_PING);
  }

  /** Ends the session at once: sends GOAWAY with an error code and aborts every open stream. `onClosed` follows. */
  close(code: number = ErrorCode.NO_ERROR, reason = ""): void {
    if (!this.closed) this.#end(undefined, code, reason);
  }

  /** The transport has closed: aborts every open stream. `onClosed` follows. */
  disconnected(reason = "the connection was lost"): void {
    if (this.closed) return;
    this.connection.closed = true;
    this.#end(undefined, ErrorCode.INTERNAL_ERROR, reason);
  }

  /** Reads octets. @internal */
  protected read(bytes: Buffer): void {
    this.#receiver.read(bytes);
  }

  /** Sends the first SETTINGS, and enlarges the window of the connection. @internal */
  protected begin(settings: Partial<Settings>): void {
    const { streamWindow, headerTableSize, maxHeaderListSize, connectionWindow } = this.connection.options;
    this.#changeSettings({ ...settings, initialWindowSize: streamWindow, headerTableSize, maxHeaderListSize });
    const increment = this.connection.receiveWindow.enlarge(connectionWindow);
    if (increment > 0) this.connection.sendWindowUpdate(0, increment);
  }

  /** HEADERS on an idle stream. @internal */
  protected abstract openStream(streamId: number, lines: readonly HpackField[] | undefined, endStream: boolean): void;

  /** Whether new streams of the peer are ignored. @internal */
  protected get refusesStreams(): boolean {
    return this.#phase === "draining" || this.#phase === "closed";
  }

  #changeSettings(changes: Partial<Settings>): void {
    requireValid(changes, this.connection.role);
    this.connection.sendSettings(changes);
    this.#receiver.applyLocalSettings();
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
    this.#phase = "closed";
    this.#stopServing();
    this.#sendGoaway(code, reason);
    this.connection.closed = true;
    this.#receiver.stop();
    for (const stream of this.connection.streams.all()) stream.abort({ code, by: "connection", reason });
    this.#handler.onClosed(fault);
  }

  /** Serves no streams after those that are open. RFC 9113 section 6.8: the identifier in GOAWAY must not increase. */
  #stopServing(): void {
    this.#lastServed = Math.min(this.#lastServed, this.connection.streams.lastRemoteId);
  }

  #sendGoaway(errorCode: number, debugData: string): void {
    const goaway = { lastStreamId: this.#lastServed, errorCode, debugData };
    this.connection.write(goawayLength(goaway), (target, at) => writeGoaway(target, at, goaway));
  }
}

function requireValid(changes: Partial<Settings>, role: Role): void {
  try {
    changedSettings(DEFAULT_SETTINGS, settingPairs(changes), role);
  } catch (error) {
    if (error instanceof ConnectionFault) throw new TrailsumError("USAGE", `${error.message} cannot be sent`);
    throw error;
  }
}
