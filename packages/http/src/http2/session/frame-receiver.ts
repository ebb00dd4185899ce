import { ErrorCode, errorCodeName } from "../error-code.ts";
import { ConnectionFault, StreamFault } from "../fault.ts";
import { Flag, type FrameHeader, FrameType } from "../frames/frame-header.ts";
import { FrameReader, type FrameSink } from "../frames/frame-reader.ts";
import { type Goaway, parseGoaway } from "../frames/goaway.ts";
import { parseContinuation, parseHeaders } from "../frames/headers.ts";
import { parsePing, PING_LENGTH, writePing } from "../frames/ping.ts";
import { checkPriority } from "../frames/priority.ts";
import { refusePushPromise } from "../frames/push-promise.ts";
import { parseRstStream } from "../frames/rst-stream.ts";
import { parseSettings, type SettingPair, settingsLength, writeSettingsAck } from "../frames/settings.ts";
import { parseWindowUpdate } from "../frames/window-update.ts";
import { HpackDecoder } from "../hpack/decoder.ts";
import type { HpackField } from "../hpack/field.ts";
import { changedSettings, tableSizes } from "../settings.ts";
import type { Connection } from "./connection.ts";
import { FieldBlockAssembler, type ReceivedBlock } from "./field-block.ts";
import type { Http2Stream } from "./stream.ts";

/** What a session does when frames arrive. */
export interface ReceiverEvents {
  /** HEADERS on an idle stream. `lines` is `undefined` if the list is larger than accepted. */
  openStream(streamId: number, lines: readonly HpackField[] | undefined, endStream: boolean): void;
  onSettings(): void;
  onGoaway(goaway: Goaway): void;
  onPong(payload: Buffer): void;
}

/**
 * The receiving half of a connection: dispatches each frame to its stream or to the state of the connection, and enforces the rules that
 * depend on more than the frame. Throws a {@link ConnectionFault} for an error of the connection; an error of a stream resets the stream.
 */
export class FrameReceiver implements FrameSink {
  readonly #connection: Connection;
  readonly #events: ReceiverEvents;
  readonly #reader: FrameReader = new FrameReader(this);
  readonly #decoder: HpackDecoder;
  readonly #block: FieldBlockAssembler;
  /** Whether the peer's first SETTINGS have arrived. */
  begun = false;
  /** Content of all DATA frames so far, without padding. Octets. */
  contentReceived = 0;
  /** The stream of the DATA frame that is being read; `undefined` if its content is discarded. */
  #content: Http2Stream | undefined;

  constructor(connection: Connection, events: ReceiverEvents) {
    this.#connection = connection;
    this.#events = events;
    const { maxHeaderListSize } = connection.options;
    // One line may be as long as a list. Shorter ones are read in any case, so that too large a list costs its stream only.
    const maxStringLength = Math.max(65_536, maxHeaderListSize);
    this.#decoder = new HpackDecoder({ maxListSize: maxHeaderListSize, maxStringLength });
    this.#block = new FieldBlockAssembler(maxHeaderListSize);
  }

  read(bytes: Buffer): void {
    this.#reader.read(bytes);
  }

  stop(): void {
    this.#reader.stop();
  }

  /** Holds the peer to the settings of this side as they are now. */
  applyLocalSettings(): void {
    const { maxFrameSize, headerTableSize, initialWindowSize } = this.#connection.local.current;
    this.#reader.maxFrameSize = maxFrameSize;
    this.#decoder.setTableLimit(headerTableSize);
    for (const stream of this.#connection.streams.all()) stream.resizeReceiveWindow(initialWindowSize);
  }

  // The reader's side.

  onFrameHeader(header: FrameHeader): void {
    const { type, flags } = header;
    if (!this.begun) {
      // RFC 9113 section 3.4.
      if (type !== FrameType.SETTINGS || (flags & Flag.ACK) !== 0) {
        throw new ConnectionFault(ErrorCode.PROTOCOL_ERROR, "the peer does not begin with SETTINGS");
      }
      this.begun = true;
    }
    this.#block.check(header);
  }

  onFrame(header: FrameHeader, payload: Buffer): void {
    const { streamId } = header;
    try {
      this.#dispatch(header, payload);
    } catch (error) {
      this.#onStreamFault(streamId, error);
    }
  }

  onData({ streamId, flags, length }: FrameHeader, contentLength: number): void {
    const connection = this.#connection;
    const endStream = (flags & Flag.END_STREAM) !== 0;
    connection.receive(length);
    if (contentLength > 0) connection.limits.emptyFrames.earn();
    else if (!endStream) connection.limits.emptyFrames.spend();
    this.#content = this.#find(streamId, "DATA");
    if (this.#content === undefined) {
      // RFC 9113 section 5.1: it counts for the connection all the same.
      connection.consume(length);
      return;
    }
    try {
      this.#content.receiveData(length, contentLength, endStream);
    } catch (error) {
      this.#content = undefined;
      this.#onStreamFault(streamId, error);
    }
  }

  onContent(piece: Buffer, last: boolean): void {
    this.contentReceived += piece.length;
    const stream = this.#content;
    if (last) this.#content = undefined;
    stream?.receiveContent(piece, last);
  }

  #dispatch(header: FrameHeader, payload: Buffer): void {
    switch (header.type) {
      case FrameType.HEADERS:
        this.#receiveHeaders(header, payload);
        break;
      case FrameType.CONTINUATION: {
        const whole = this.#block.continue(parseContinuation(header, payload), endsBlock(header));
        if (whole !== undefined) this.#receiveBlock(whole);
        break;
      }
      case FrameType.RST_STREAM:
        this.#receiveRstStream(header.streamId, parseRstStream(header, payload));
        break;
      case FrameType.WINDOW_UPDATE:
        this.#receiveWindowUpdate(header.streamId, parseWindowUpdate(payload));
        break;
      case FrameType.SETTINGS:
        this.#receiveSettings(parseSettings(header, payload));
        break;
      case FrameType.PING:
        if (parsePing(header)) this.#events.onPong(Buffer.from(payload));
        else this.#connection.reply(PING_LENGTH, (target, at) => writePing(target, at, payload, true));
        break;
      case FrameType.GOAWAY:
        this.#events.onGoaway(parseGoaway(header, payload));
        break;
      case FrameType.PUSH_PROMISE:
        refusePushPromise(header);
        break;
      default:
        checkPriority(header);
    }
  }

  #receiveHeaders(header: FrameHeader, payload: Buffer): void {
    const { streamId, flags } = header;
    const fragment = parseHeaders(header, payload);
    const endStream = (flags & Flag.END_STREAM) !== 0;
    if (endsBlock(header)) this.#receiveBlock({ streamId, endStream, block: fragment });
    else this.#block.begin(streamId, endStream, fragment);
  }

  #receiveBlock({ streamId, endStream, block }: ReceivedBlock): void {
    const lines: HpackField[] = [];
    // Always decoded, as it changes the dynamic table even if the section is discarded (RFC 9113 section 4.3).
    const accepted = this.#decoder.decode(block, lines);
    const { streams } = this.#connection;
    const stream = streams.get(streamId);
    if (stream === undefined) {
      const absence = streams.absence(streamId);
      if (absence === "idle") this.#openStream(streamId, accepted ? lines : undefined, endStream);
      else if (absence === "skipped") {
        // RFC 9113 section 5.1.1.
        throw new ConnectionFault(ErrorCode.PROTOCOL_ERROR, `HEADERS on stream ${streamId}, after a later one`);
      } else this.#find(streamId, "HEADERS");
    } else if (accepted) stream.receiveSection(lines, endStream);
    else throw tooLarge();
  }

  #openStream(streamId: number, lines: readonly HpackField[] | undefined, endStream: boolean): void {
    try {
      this.#events.openStream(streamId, lines, endStream);
    } catch (error) {
      if (!(error instanceof StreamFault)) throw error;
      this.#reset(streamId, error);
    }
  }

  #receiveRstStream(streamId: number, code: number): void {
    const stream = this.#connection.streams.get(streamId);
    if (stream === undefined) {
      // RFC 9113 section 6.4. For a stream that has ended it may have been in flight.
      if (this.#connection.streams.absence(streamId) === "idle") throw idle("RST_STREAM", streamId);
      return;
    }
    if (stream.isNew && this.#connection.role === "server") this.#connection.limits.hastyResets.spend();
    stream.abort({ code, by: "peer", reason: `the peer has reset the stream with ${errorCodeName(code)}` });
  }

  /** RFC 9113 section 6.9. */
  #receiveWindowUpdate(streamId: number, increment: number): void {
    const { sendWindow, sendQueue, streams } = this.#connection;
    const noIncrement = "WINDOW_UPDATE with an increment of 0";
    const overflow = "a flow-control window of more than 2^31-1 octets";
    if (streamId === 0) {
      if (increment === 0) throw new ConnectionFault(ErrorCode.PROTOCOL_ERROR, noIncrement);
      if (!sendWindow.add(increment)) throw new ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, overflow);
      sendQueue.resume();
    } else {
      const stream = streams.get(streamId);
      if (stream === undefined) {
        if (streams.absence(streamId) === "idle") throw idle("WINDOW_UPDATE", streamId);
        return;
      }
      if (increment === 0) throw new StreamFault(ErrorCode.PROTOCOL_ERROR, noIncrement);
      if (!stream.addToSendWindow(increment)) throw new StreamFault(ErrorCode.FLOW_CONTROL_ERROR, overflow);
      sendQueue.resumeOne(stream);
    }
  }

  #receiveSettings(pairs: readonly SettingPair[] | undefined): void {
    const connection = this.#connection;
    if (pairs === undefined) {
      connection.local.acknowledge();
      this.applyLocalSettings();
      return;
    }
    const before = connection.remote;
    connection.remote = changedSettings(before, pairs, connection.role === "client" ? "server" : "client");
    for (const size of tableSizes(pairs)) connection.encoder.setTableLimit(size);
    const increment = connection.remote.initialWindowSize - before.initialWindowSize;
    for (const stream of increment === 0 ? [] : connection.streams.all()) {
      // RFC 9113 section 6.9.2.
      if (!stream.addToSendWindow(increment)) {
        throw new ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "an initial window that is too large for a stream");
      }
    }
    connection.reply(settingsLength(0), writeSettingsAck);
    this.#events.onSettings();
    connection.sendQueue.resume();
  }

  /** The stream that a frame with content is for; nothing where it has been closed. Throws where the frame may not come. */
  #find(streamId: number, what: string): Http2Stream | undefined {
    const { streams } = this.#connection;
    const stream = streams.get(streamId);
    if (stream !== undefined) return stream;
    const absence = streams.absence(streamId);
    if (absence === "idle") throw idle(what, streamId);
    // RFC 9113 section 5.1, closed.
    if (absence === "ended")
      throw new ConnectionFault(ErrorCode.STREAM_CLOSED, `${what} after the end of stream ${streamId}`);
    return undefined;
  }

  #onStreamFault(streamId: number, error: unknown): void {
    if (!(error instanceof StreamFault)) throw error;
    const { streams } = this.#connection;
    if (streams.get(streamId) !== undefined) this.#reset(streamId, error);
    // RST_STREAM may be sent neither for an idle stream nor for a closed one (RFC 9113 sections 5.1 and 6.4).
    else if (streams.absence(streamId) === "idle") throw new ConnectionFault(error.code, error.message);
  }

  /** RFC 9113 section 5.4.2. */
  #reset(streamId: number, { code, message }: StreamFault): void {
    const { limits, streams } = this.#connection;
    if (code !== ErrorCode.REFUSED_STREAM) limits.provokedResets.spend();
    limits.waitingReplies.spend();
    streams.get(streamId)?.abort({ code, by: "session", reason: message });
    this.#connection.sendRstStream(streamId, code);
  }
}

/** A field list that is larger than accepted (RFC 9113 section 10.5.1). */
export function tooLarge(): StreamFault {
  return new StreamFault(ErrorCode.ENHANCE_YOUR_CALM, "a field section that is too large");
}

function endsBlock({ flags }: FrameHeader): boolean {
  return (flags & Flag.END_HEADERS) !== 0;
}

/** RFC 9113 section 5.1, idle. */
function idle(what: string, streamId: number): ConnectionFault {
  return new ConnectionFault(ErrorCode.PROTOCOL_ERROR, `${what} on stream ${streamId}, which is idle`);
}
