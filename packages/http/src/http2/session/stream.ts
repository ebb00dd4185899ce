import { type FieldLines, TrailsumError } from "@trailsum/shared";

import { ErrorCode } from "../error-code.ts";
import { StreamFault } from "../fault.ts";
import { ReceiveWindow, SendWindow } from "../flow-control.ts";
import type { HpackField } from "../hpack/field.ts";
import { ExpectedContent } from "../message/expected-content.ts";
import { readTrailerSection } from "../message/field-section.ts";
import { malformed } from "../message/malformed.ts";
import { outgoingLines } from "../message/outgoing-section.ts";
import {
  mayReceive,
  maySend,
  opened,
  receivedEnd,
  requireReceiving,
  sentEnd,
  type StreamState,
} from "../stream-state.ts";
import type { Connection } from "./connection.ts";
import type { StreamHandler, StreamReset } from "./handlers.ts";

/** Larger DATA frames would make other streams wait. Octets. */
const MAX_DATA_FRAME = 65_536;

/** How far a message has come in one direction (RFC 9113 section 8.1). What ends it ends that side of the stream, too. */
type MessagePart = "header" | "content";

/** Further settings of a field section that is sent. */
export interface SectionOptions {
  /** Whether nothing follows. @default false */
  readonly endStream?: boolean;
  /** The names of lines that must not enter any table, as they came in `neverIndexed` of the message that is forwarded. */
  readonly neverIndexed?: readonly string[] | undefined;
}

/**
 * One stream: a request and its response. Its owner calls the methods to send, and its {@link StreamHandler} is called for what is received.
 * On a stream that has been closed, calls do nothing, as the peer may close it at any time.
 */
export abstract class Http2Stream {
  /** Odd; 1 for the first. */
  readonly id: number;
  /** Set when the stream begins. @internal */
  handler: StreamHandler | undefined;
  /**
   * Called with content that was sent when it is not used any more, in the parts in which it was sent. Content of a stream that is reset
   * may not come back.
   */
  onTaken: ((content: Buffer) => void) | undefined;
  /** The connection of the stream. */
  protected readonly connection: Connection;
  #state: StreamState;
  /** What the peer has to send next. */
  protected receiving: MessagePart = "header";
  /** What this side has to send next. */
  protected sending: MessagePart = "header";
  readonly #sendWindow: SendWindow;
  readonly #receiveWindow: ReceiveWindow;
  /** The turn in which it was opened. */
  readonly #openedIn: number;
  /** Payload of DATA that has not been consumed. Octets. */
  #unconsumed = 0;
  /** What the peer's message has to have of content. */
  protected readonly expected: ExpectedContent = new ExpectedContent();
  /** Whether the DATA frame that is being received ends the message. */
  #endsWithContent = false;

  constructor(connection: Connection, id: number) {
    this.connection = connection;
    this.id = id;
    this.#state = opened("idle");
    this.#sendWindow = new SendWindow(connection.remote.initialWindowSize);
    this.#receiveWindow = new ReceiveWindow(connection.local.current.initialWindowSize);
    this.#openedIn = connection.turn;
  }

  /** The state of RFC 9113 section 5.1. */
  get state(): StreamState {
    return this.#state;
  }

  /** How many octets of content `send` would take now. */
  get sendable(): number {
    if (!maySend(this.#state)) return 0;
    return Math.max(0, Math.min(this.#sendWindow.available, this.connection.room));
  }

  /**
   * Sends content, as much as the peer's windows and the limit of waiting output allow. Returns how many octets were taken; the rest stays
   * with the caller, and `onWritable` is called when more can be taken. `endStream` applies if all was taken. Content of more than 4 KiB is
   * not copied, and must not change until it has been sent. Throws a `TrailsumError` with USAGE before the header section, and after the end.
   */
  send(content: Buffer, endStream = false): number {
    if (this.#state === "closed") return 0;
    this.#requireSending("content", "content");
    const { connection } = this;
    const frameSize = Math.min(connection.remote.maxFrameSize, MAX_DATA_FRAME);
    const most = Math.min(content.length, connection.sendQueue.share);
    let taken = 0;
    while (taken < most) {
      // Computed for each frame: the owner of the session may take output, and may find that the transport has closed.
      const length = Math.min(frameSize, most - taken, this.sendable);
      if (length === 0) break;
      const end = taken + length;
      this.#sendWindow.take(length);
      connection.sendContent(this.id, content.subarray(taken, end), endStream && end === content.length, this.onTaken);
      taken = end;
    }
    if (!maySend(this.#state)) return taken;
    if (taken < content.length) connection.sendQueue.add(this);
    else if (endStream) {
      if (taken === 0) connection.sendEnd(this.id);
      this.#endSending();
    }
    return taken;
  }

  /** Sends the trailer section, which ends the message. Throws a `TrailsumError` with USAGE as `send` does, and for invalid lines. */
  sendTrailers(trailers: FieldLines, { neverIndexed }: Omit<SectionOptions, "endStream"> = {}): void {
    if (this.#state === "closed") return;
    this.#requireSending("content", "trailers");
    if (trailers.length === 0) {
      // Some peers do not expect a field block without lines.
      this.send(Buffer.alloc(0), true);
      return;
    }
    this.sendSection([], outgoingLines(trailers), { endStream: true, neverIndexed });
  }

  /**
   * Returns so many octets of received content to the flow-control windows. Window updates are batched. Content has to be consumed after
   * the end of the stream, too: it holds a part of the connection's window, which all streams share.
   */
  consume(length: number): void {
    const counted = Math.min(length, this.#unconsumed);
    this.#unconsumed -= counted;
    this.connection.consume(counted);
    if (!mayReceive(this.#state)) return;
    const increment = this.#receiveWindow.consume(counted);
    if (increment > 0) this.connection.sendWindowUpdate(this.id, increment);
  }

  /**
   * Closes the stream at once with RST_STREAM. Content that waits to be sent is dropped, received content counts as consumed, and no event
   * follows. On a stream that has ended, it only consumes what was received.
   * @param code an error code of RFC 9113 section 7. @default CANCEL
   */
  reset(code: number = ErrorCode.CANCEL): void {
    if (this.#state === "closed") {
      this.consume(this.#unconsumed);
      return;
    }
    const dropped = this.#close();
    this.connection.sendRstStream(this.id, code);
    this.consume(this.#unconsumed);
    this.connection.owner.onStreamClosed(this);
    if (dropped) this.connection.sendQueue.resume();
  }

  // The session's side.

  /** A field section has come that is not the first one of the stream. @internal */
  abstract receiveSection(lines: readonly HpackField[], endStream: boolean): void;

  /**
   * A DATA frame begins, with a payload of `length` octets, of which `contentLength` are content and the others padding. Throws where it is
   * not allowed. @internal
   */
  receiveData(length: number, contentLength: number, endStream: boolean): void {
    this.#unconsumed += length;
    requireReceiving(this.#state, "DATA");
    // Section 6.9.1.
    if (!this.#receiveWindow.receive(length)) {
      throw new StreamFault(ErrorCode.FLOW_CONTROL_ERROR, "more content than the stream's window allows");
    }
    if (this.receiving === "header") throw malformed("content before the header section");
    this.expected.count(contentLength);
    if (endStream) this.expected.end();
    this.#endsWithContent = endStream;
    this.consume(length - contentLength);
  }

  /** A piece of the content of the DATA frame that has begun. @internal */
  receiveContent(piece: Buffer, last: boolean): void {
    // Its owner may have reset it within the frame.
    if (!mayReceive(this.#state)) return;
    const endStream = last && this.#endsWithContent;
    if (endStream) this.#state = receivedEnd(this.#state);
    if (endStream || piece.length > 0) this.handler?.onData(piece, endStream);
    if (endStream) this.closeIfEnded();
  }

  /** Closes the stream without a frame: the peer, the session or the connection has ended it. @internal */
  abort(reset: StreamReset): void {
    if (this.#state === "closed") return;
    // A client sends nothing after its own RST_STREAM. A server that does is borne with: its connection carries the requests of others.
    const dropped = this.#close(reset.by === "peer" && this.connection.role === "server");
    this.consume(this.#unconsumed);
    this.handler?.onReset(reset);
    this.connection.owner.onStreamClosed(this);
    if (dropped) this.connection.sendQueue.resume();
  }

  /** Whether the octets that are being received have opened it. @internal */
  get isNew(): boolean {
    return this.#openedIn === this.connection.turn;
  }

  /** Adds to its window for sending. False where that would exceed 2^31-1. @internal */
  addToSendWindow(increment: number): boolean {
    return this.#sendWindow.add(increment);
  }

  /** Changes its window for receiving with the initial window (RFC 9113 section 6.9.2). @internal */
  resizeReceiveWindow(size: number): void {
    this.#receiveWindow.resize(size);
  }

  /** A header section that is final; with `endStream` it is all. Throws where content was announced. */
  protected receivedHeader(endStream: boolean): void {
    this.receiving = "content";
    if (endStream) this.receivedLast();
  }

  /** The peer's message is complete. Throws where less content has come than was announced. */
  protected receivedLast(): void {
    this.expected.end();
    this.#state = receivedEnd(this.#state);
  }

  /** Reads trailers. Throws where they may not come. */
  protected receivedTrailers(lines: readonly HpackField[], endStream: boolean): FieldLines {
    requireReceiving(this.#state, "HEADERS");
    // RFC 9113 section 8.1.
    if (!endStream) throw malformed("trailers without END_STREAM");
    const { fields } = readTrailerSection(lines);
    this.receivedLast();
    return fields;
  }

  /** Sends a header or trailer section. `lines` are of `outgoingLines`. */
  protected sendSection(
    pseudo: readonly string[],
    lines: readonly string[],
    { endStream = false, neverIndexed }: SectionOptions,
  ): void {
    this.connection.sendSection({ streamId: this.id, pseudo, lines, endStream, neverIndexed });
    if (endStream) this.#endSending();
  }

  /** After an event or a call that may have ended the second side. */
  protected closeIfEnded(): void {
    if (this.#state !== "closed" || this.connection.streams.get(this.id) !== this) return;
    this.connection.limits.onCompleted();
    this.connection.forget(this, true);
    this.connection.owner.onStreamClosed(this);
  }

  /** Throws where `what` is not the next part to send. */
  protected requireHeader(what: string): void {
    this.#requireSending("header", what);
  }

  #requireSending(part: MessagePart, what: string): void {
    if (maySend(this.#state) && this.sending === part) return;
    const when = maySend(this.#state) ? (part === "header" ? "a second time" : "before the header") : "after the end";
    throw new TrailsumError("USAGE", `${what} of a message cannot be sent ${when}`);
  }

  #endSending(): void {
    // The owner of the session may have found that the transport has closed when it took the output.
    if (!maySend(this.#state)) return;
    this.#state = sentEnd(this.#state);
    this.closeIfEnded();
  }

  /**
   * Forgets the stream. Content that has not been taken is dropped, and has not used the connection's window then; returns whether there was
   * any. `resetByPeer` says that the peer has ended it.
   */
  #close(resetByPeer = false): boolean {
    const ended = resetByPeer || this.#state === "half-closed (remote)";
    const dropped = this.connection.output.drop(this.id);
    this.#state = "closed";
    this.connection.sendWindow.add(dropped);
    this.connection.forget(this, ended);
    return dropped > 0;
  }
}
