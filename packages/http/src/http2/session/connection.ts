import { AbuseLimits } from "../abuse-limits.ts";
import { ErrorCode } from "../error-code.ts";
import { ConnectionFault } from "../fault.ts";
import { DEFAULT_WINDOW, ReceiveWindow, SendWindow } from "../flow-control.ts";
import { FRAME_HEADER_LENGTH } from "../frames/frame-header.ts";
import { framedLength, writeFieldBlock, writeHeadersHeader } from "../frames/headers.ts";
import { RST_STREAM_LENGTH, writeRstStream } from "../frames/rst-stream.ts";
import { settingsLength, writeSettings } from "../frames/settings.ts";
import { WINDOW_UPDATE_LENGTH, writeWindowUpdate } from "../frames/window-update.ts";
import { encodedBound, HpackEncoder } from "../hpack/encoder.ts";
import { OutputQueue } from "../output-queue.ts";
import { DEFAULT_SETTINGS, type Role, settingPairs, type Settings } from "../settings.ts";
import { LocalSettings } from "./local-settings.ts";
import type { ResolvedOptions } from "./options.ts";
import { SendQueue } from "./send-queue.ts";
import { StreamRegistry } from "./stream-registry.ts";
import type { Http2Stream } from "./stream.ts";

const NOTHING = Buffer.alloc(0);

/** A field section to send. */
export interface OutgoingSection {
  readonly streamId: number;
  /** Name, value, ...: the pseudo-header fields. */
  readonly pseudo: readonly string[];
  /** Name, value, ...: the regular lines, as `outgoingLines` gives them. */
  readonly lines: readonly string[];
  readonly endStream: boolean;
  /** The names of lines that no intermediary may put in a table (RFC 7541 section 6.2.3). */
  readonly neverIndexed?: readonly string[] | undefined;
}

/** What the session does for its connection. */
export interface ConnectionOwner {
  /** Output has become available. */
  onOutput(): void;
  onStreamClosed(stream: Http2Stream): void;
}

/** What the streams of a connection share: both directions of its state, and the frames that change it. */
export class Connection {
  readonly role: Role;
  readonly owner: ConnectionOwner;
  readonly options: ResolvedOptions;
  readonly local: LocalSettings = new LocalSettings();
  remote: Settings = DEFAULT_SETTINGS;
  readonly encoder: HpackEncoder = new HpackEncoder();
  readonly output: OutputQueue = new OutputQueue();
  readonly streams: StreamRegistry;
  readonly sendWindow: SendWindow = new SendWindow(DEFAULT_WINDOW);
  readonly receiveWindow: ReceiveWindow = new ReceiveWindow(DEFAULT_WINDOW);
  readonly sendQueue: SendQueue = new SendQueue(this);
  readonly limits: AbuseLimits = new AbuseLimits();
  /** Whether nothing is sent any more. */
  closed = false;
  /** How often octets have been received. */
  turn = 0;

  constructor(role: Role, owner: ConnectionOwner, options: ResolvedOptions) {
    this.role = role;
    this.owner = owner;
    this.options = options;
    this.streams = new StreamRegistry(role);
  }

  /** How much content may be sent on any stream now. Octets. */
  get room(): number {
    return Math.min(this.sendWindow.available, this.options.outputLimit - this.output.length);
  }

  /** Has `write` write a frame of up to `length` octets, from the position it is given; it returns the one after it. */
  write(length: number, write: (target: Buffer, at: number) => number): void {
    if (this.closed) return;
    const at = this.output.reserve(length);
    this.commit(write(this.output.bytes, at));
  }

  /** As `write`, for an answer to the peer. Throws where too many of them wait because the peer does not read. */
  reply(length: number, write: (target: Buffer, at: number) => number): void {
    this.limits.waitingReplies.spend();
    this.write(length, write);
  }

  /** Sends a field section as one field block. */
  sendSection({ streamId, pseudo, lines, endStream, neverIndexed }: OutgoingSection): void {
    if (this.closed) return;
    const { encoder, output } = this;
    const { maxFrameSize } = this.remote;
    const bound = encodedLength(pseudo) + encodedLength(lines);
    if (bound <= maxFrameSize) {
      const start = output.reserve(FRAME_HEADER_LENGTH + bound);
      encoder.begin(output.bytes, start + FRAME_HEADER_LENGTH);
      const end = this.#encode(pseudo, lines, neverIndexed);
      const length = end - start - FRAME_HEADER_LENGTH;
      writeHeadersHeader(output.bytes, start, { streamId, endStream, length });
      if (!endStream) output.remember(streamId, start);
      this.commit(end);
      return;
    }
    const block = Buffer.allocUnsafe(bound);
    encoder.begin(block, 0);
    const length = this.#encode(pseudo, lines, neverIndexed);
    const start = output.reserve(framedLength(length, maxFrameSize));
    const frame = { streamId, endStream, maxFrameSize };
    if (!endStream) output.remember(streamId, start);
    this.commit(writeFieldBlock(output.bytes, start, block.subarray(0, length), frame));
  }

  /** Sends DATA, which the windows allow. */
  sendContent(streamId: number, content: Buffer, endStream: boolean, onTaken?: (content: Buffer) => void): void {
    if (this.closed) return;
    const idle = this.output.length === 0;
    this.sendWindow.take(content.length);
    this.output.content(streamId, content, endStream, onTaken);
    if (idle) this.owner.onOutput();
  }

  /** Ends a message without anything else to send: on its last frame if that still waits, or with an empty DATA frame. */
  sendEnd(streamId: number): void {
    if (this.closed || this.output.endStream(streamId)) return;
    this.sendContent(streamId, NOTHING, true);
  }

  sendRstStream(streamId: number, code: number): void {
    this.write(RST_STREAM_LENGTH, (target, at) => writeRstStream(target, at, streamId, code));
  }

  /** Stream 0 is the connection. */
  sendWindowUpdate(streamId: number, increment: number): void {
    this.write(WINDOW_UPDATE_LENGTH, (target, at) => writeWindowUpdate(target, at, streamId, increment));
  }

  /** Sends SETTINGS, which hold as {@link LocalSettings} says. */
  sendSettings(changes: Partial<Settings>): void {
    const pairs = settingPairs(changes);
    this.write(settingsLength(pairs.length), (target, at) => writeSettings(target, at, pairs));
    this.local.send(changes);
  }

  /** Returns so many octets to the connection's window; the peer is informed in batches. */
  consume(length: number): void {
    const increment = this.receiveWindow.consume(length);
    if (increment > 0) this.sendWindowUpdate(0, increment);
  }

  /** Counts the payload of a DATA frame. Throws where the peer had no window for it (RFC 9113 section 6.9.1). */
  receive(length: number): void {
    if (this.receiveWindow.receive(length)) return;
    throw new ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "more content than the connection's window allows");
  }

  /** Forgets a stream that has been closed. `ended` says whether the peer had ended its message. */
  forget(stream: Http2Stream, ended: boolean): void {
    this.sendQueue.delete(stream);
    this.streams.remove(stream, ended);
  }

  /** Takes frames that were written to the output. */
  commit(end: number): void {
    const idle = this.output.length === 0;
    this.output.commit(end);
    if (idle) this.owner.onOutput();
  }

  #encode(pseudo: readonly string[], lines: readonly string[], neverIndexed: readonly string[] | undefined): number {
    const { encoder } = this;
    for (let at = 0; at < pseudo.length; at += 2) encoder.line(pseudo[at]!, pseudo[at + 1]!);
    for (let at = 0; at < lines.length; at += 2) {
      const name = lines[at]!;
      encoder.line(name, lines[at + 1]!, neverIndexed?.includes(name));
    }
    return encoder.end();
  }
}

function encodedLength(lines: readonly string[]): number {
  let length = 16;
  for (let at = 0; at < lines.length; at += 2) length += encodedBound(lines[at]!, lines[at + 1]!);
  return length;
}
