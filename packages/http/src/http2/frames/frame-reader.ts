import { checkData } from "./data.ts";
import { frameSizeFault } from "./frame-fault.ts";
import { FRAME_HEADER_LENGTH, type FrameHeader, FrameType, readFrameHeader } from "./frame-header.ts";
import { unpaddedLength } from "./padding.ts";

/** What a {@link FrameReader} gives the frames to. Each method may throw, and the connection is over then. */
export interface FrameSink {
  /** The header of any frame, also of an unknown type, before its payload and before its length is checked. */
  onFrameHeader(header: FrameHeader): void;
  /** A whole frame other than DATA, of a known type. `payload` is a view that is valid during the call. */
  onFrame(header: FrameHeader, payload: Buffer): void;
  /** A DATA frame begins, which carries `contentLength` octets besides padding. `onContent` follows, at least once. */
  onData(header: FrameHeader, contentLength: number): void;
  /** A piece of the content of the DATA frame, as a view; it may be empty. `last` for the one that completes the content. */
  onContent(piece: Buffer, last: boolean): void;
}

type State = "header" | "payload" | "pad-length" | "content" | "skipped" | "stopped";

const NOTHING = Buffer.alloc(0);

/** The smallest number of an unknown type. Frames of those are skipped (RFC 9113 section 5.5). */
const FIRST_UNKNOWN: number = FrameType.CONTINUATION + 1;

/**
 * Cuts octets into frames (RFC 9113 section 4.1), independent of the pieces in which they arrive. Content is forwarded as it arrives and is
 * never copied; of other frames at most one is kept, which is no longer than SETTINGS_MAX_FRAME_SIZE.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  /** The largest payload. Octets. */
  maxFrameSize = 16_384;
  #state: State = "header";
  readonly #header = { length: 0, type: 0, flags: 0, streamId: 0 };
  /** A header or a payload that arrives in pieces, and how much of it has arrived. */
  #pieces: Buffer = NOTHING;
  #have = 0;
  /** Octets of content that are to come. */
  #left = 0;
  /** Octets to skip: padding, or the payload of an unknown type. */
  #skip = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Reads all of `bytes`, unless `stop` is called meanwhile. Throws what the sink throws, and for frames of a wrong size. */
  read(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length && this.#state !== "stopped") at = this.#step(bytes, at);
  }

  /** Reads nothing more. */
  stop(): void {
    this.#state = "stopped";
    this.#pieces = NOTHING;
  }

  /** Takes what the state asks for, and returns the position after it. */
  #step(bytes: Buffer, at: number): number {
    switch (this.#state) {
      case "header":
        return this.#readHeader(bytes, at);
      case "payload":
        return this.#readPayload(bytes, at);
      case "pad-length":
        this.#begin(unpaddedLength("DATA", this.#header.length, bytes[at]!), bytes[at]!);
        return at + 1;
      case "content": {
        const end = Math.min(bytes.length, at + this.#left);
        this.#left -= end - at;
        if (this.#left === 0) this.#state = this.#skip === 0 ? "header" : "skipped";
        this.#sink.onContent(bytes.subarray(at, end), this.#left === 0);
        return end;
      }
      default: {
        const end = Math.min(bytes.length, at + this.#skip);
        this.#skip -= end - at;
        if (this.#skip === 0) this.#state = "header";
        return end;
      }
    }
  }

  #readHeader(bytes: Buffer, at: number): number {
    if (this.#have === 0 && bytes.length - at >= FRAME_HEADER_LENGTH) {
      readFrameHeader(bytes, at, this.#header);
      this.#onHeader();
      return at + FRAME_HEADER_LENGTH;
    }
    if (this.#have === 0) this.#pieces = Buffer.allocUnsafe(FRAME_HEADER_LENGTH);
    const copied = bytes.copy(this.#pieces, this.#have, at);
    this.#have += copied;
    if (this.#have === FRAME_HEADER_LENGTH) {
      readFrameHeader(this.#takePieces(), 0, this.#header);
      this.#onHeader();
    }
    return at + copied;
  }

  #onHeader(): void {
    const header = this.#header;
    const { length, type } = header;
    this.#sink.onFrameHeader(header);
    // RFC 9113 section 4.2. It may be an error of the stream for DATA; but what follows could be of any length.
    if (length > this.maxFrameSize) throw frameSizeFault("a frame", length);
    if (type === FrameType.DATA) {
      if (checkData(header)) this.#state = "pad-length";
      else this.#begin(length, 0);
    } else if (type >= FIRST_UNKNOWN) this.#skipNext(length);
    else if (length === 0) this.#sink.onFrame(header, NOTHING);
    else this.#state = "payload";
  }

  #begin(contentLength: number, padding: number): void {
    this.#left = contentLength;
    this.#skipNext(padding);
    if (contentLength > 0) this.#state = "content";
    this.#sink.onData(this.#header, contentLength);
    if (contentLength === 0) this.#sink.onContent(NOTHING, true);
  }

  #skipNext(length: number): void {
    this.#skip = length;
    this.#state = length === 0 ? "header" : "skipped";
  }

  #readPayload(bytes: Buffer, at: number): number {
    const { length } = this.#header;
    if (this.#have === 0 && bytes.length - at >= length) {
      this.#state = "header";
      this.#sink.onFrame(this.#header, bytes.subarray(at, at + length));
      return at + length;
    }
    if (this.#have === 0) this.#pieces = Buffer.allocUnsafe(length);
    const copied = bytes.copy(this.#pieces, this.#have, at, at + length - this.#have);
    this.#have += copied;
    if (this.#have === length) {
      this.#state = "header";
      this.#sink.onFrame(this.#header, this.#takePieces());
    }
    return at + copied;
  }

  /** Between frames it holds no memory. */
  #takePieces(): Buffer {
    const pieces = this.#pieces;
    this.#pieces = NOTHING;
    this.#have = 0;
    return pieces;
  }
}
