import { ChunkedDecoder } from "./chunked-decoder.ts";
import { sectionEnd } from "./section-end.ts";
import { readTrailerSection } from "./trailer-section.ts";

/** Where the content of a message ends (RFC 9112 section 6.3). */
export type MessageFraming =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "until-close" };

/** Receives the content of messages, in the order of the wire. */
export interface ContentSink {
  /** Some content. The buffer is a view of what was read from the socket. */
  onContent(piece: Buffer): void;
  /** The message is complete. `trailers` is name, value, name, value, ... */
  onComplete(trailers: string[]): void;
}

/** How much of a message is accepted. */
export interface MessageLimits {
  /** The most bytes in a head, its empty line not counted. */
  readonly maxHeaderSize: number;
  /** The most field lines in a head, and in a trailer section. */
  readonly maxFields: number;
  /** The most bytes in a trailer section. */
  readonly maxTrailerSize: number;
}

type ReaderState =
  /** A head is expected, or has begun. */
  | "head"
  | "length"
  | "chunks"
  | "until-close"
  | "trailers"
  /** No message is being read: one is complete, or none is expected yet. */
  | "complete"
  /** A fault was thrown. Nothing more is read. */
  | "failed";

const NOTHING = Buffer.alloc(0);
/** The length of what ends a section: the CRLF of its last line and that of the empty one. */
const END_OF_SECTION = 4;

/**
 * Reads HTTP/1.1 messages from the bytes of one connection, one after the other (RFC 9112). This class finds sections and
 * content in the bytes; its subclasses know the heads of requests and of responses. It uses no socket and no clock. After
 * a message it stops until the next one is expected.
 */
export abstract class MessageReader<Head> {
  protected readonly limits: MessageLimits;
  readonly #sink: ContentSink;
  #state: ReaderState = "complete";
  /** Bytes that are being read, or wait for more of their section or until reading goes on: those from `#at`. */
  #bytes: Buffer = NOTHING;
  #at = 0;
  /** How many of them have been searched for the end of their section. */
  #searched = 0;
  /** How much of the content is still to come, where its length is known. */
  #left = 0;
  #chunks: ChunkedDecoder | undefined;
  #paused = false;
  #reading = false;

  constructor(sink: ContentSink, limits: MessageLimits) {
    this.#sink = sink;
    this.limits = limits;
  }

  /** Whether bytes that have arrived are held back: better read no more from the socket. */
  get waiting(): boolean {
    return this.#stopped && this.hasUnread;
  }

  /** Whether `pause` was called, so that content is held back. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Takes the next bytes, which must not change afterwards. Throws for what is not a valid message. */
  read(bytes: Buffer): void {
    this.#bytes = this.#at === this.#bytes.length ? bytes : Buffer.concat([this.unread, bytes]);
    this.#at = 0;
    this.run();
  }

  /** Holds back what comes after the current piece until `resume`, or until the message is complete without more. */
  pause(): void {
    this.#paused = true;
  }

  /** Goes on with what was held back. Throws as `read` does. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.run();
  }

  /** Takes out what has arrived after the current piece: the beginning of another protocol after a switch. */
  rest(): Buffer {
    const rest = this.unread;
    this.#release();
    return rest;
  }

  protected get state(): ReaderState {
    return this.#state;
  }

  protected get hasUnread(): boolean {
    return this.#at < this.#bytes.length;
  }

  protected get unread(): Buffer {
    return this.#bytes.subarray(this.#at);
  }

  /** Parses the head in `bytes` from `start` to `end`, the CRLF of its last line. */
  protected abstract parseHead(bytes: Buffer, start: number, end: number): Head;

  /** Reports a head, and calls `expectContent` first unless another head follows. */
  protected abstract acceptHead(head: Head): void;

  /** Throws for the beginning of a head that no further bytes can complete: its sender may be waiting for an answer. */
  protected abstract checkBeginning(bytes: Buffer, start: number): void;

  /** Called when nothing more can be read for now: throws if that is a fault. */
  protected abstract checkRest(): void;

  /** The error to throw for an error in the bytes. */
  protected faultOf(error: unknown): unknown {
    return error;
  }

  /** The position after an empty line at `start` if one may precede a head; nothing where it is cut. */
  protected skipEmptyLine(_bytes: Buffer, start: number): number | undefined {
    return start;
  }

  protected expectHead(): void {
    this.#state = "head";
  }

  protected expectNothing(): void {
    this.#state = "complete";
  }

  protected expectContent(framing: MessageFraming): void {
    switch (framing.kind) {
      case "chunked":
        this.#chunks = new ChunkedDecoder();
        this.#state = "chunks";
        break;
      case "until-close":
        this.#state = "until-close";
        break;
      default:
        this.#left = framing.kind === "length" ? framing.length : 0;
        this.#state = "length";
    }
  }

  protected endMessage(trailers: string[]): void {
    this.#state = "complete";
    this.#chunks = undefined;
    this.#paused = false;
    this.#sink.onComplete(trailers);
  }

  protected run(): void {
    // The sink has called while a piece is processed: the loop continues.
    if (this.#reading) return;
    this.#reading = true;
    try {
      while (this.hasUnread && !this.#stopped && this.#step());
      this.checkRest();
      this.#hold();
    } catch (error) {
      const fault = this.faultOf(error);
      this.#state = "failed";
      this.#release();
      throw fault;
    } finally {
      this.#reading = false;
    }
  }

  get #stopped(): boolean {
    return this.#paused || this.#state === "complete" || this.#state === "failed";
  }

  /** Keeps what has not been read. */
  #hold(): void {
    if (this.#state === "failed" || this.#at === this.#bytes.length) {
      this.#release();
    } else if (this.#at > 0 && !this.#stopped) {
      // A view would keep the whole buffer alive for a few bytes of a line. While stopped it is most of the buffer.
      this.#bytes = Buffer.from(this.unread);
      this.#at = 0;
    }
  }

  #release(): void {
    this.#bytes = NOTHING;
    this.#at = 0;
  }

  /** Reads one piece: a head, some content, a trailer section. False where it is cut. */
  #step(): boolean {
    switch (this.#state) {
      case "head":
        return this.#head();
      case "length":
        return this.#content(this.#left);
      case "until-close":
        return this.#content(Number.POSITIVE_INFINITY);
      case "chunks":
        return this.#chunk();
      default:
        return this.#trailers();
    }
  }

  #head(): boolean {
    const bytes = this.#bytes;
    const start = this.skipEmptyLine(bytes, this.#at);
    if (start === undefined) return false;
    if (start > this.#at) {
      this.#at = start;
      return true;
    }
    const end = sectionEnd(bytes, start, this.limits.maxHeaderSize, start + this.#searched);
    if (end === undefined) {
      this.checkBeginning(bytes, start);
      this.#searched = bytes.length - start;
      return false;
    }
    const head = this.parseHead(bytes, start, end);
    this.#searched = 0;
    this.#at = end + END_OF_SECTION;
    this.acceptHead(head);
    if (this.#state === "length" && this.#left === 0) this.endMessage([]);
    return true;
  }

  #content(left: number): boolean {
    const start = this.#at;
    const end = Math.min(this.#bytes.length, start + left);
    this.#left = left - (end - start);
    this.#at = end;
    this.#sink.onContent(this.#bytes.subarray(start, end));
    if (this.#left === 0 && this.#state === "length") this.endMessage([]);
    return true;
  }

  #chunk(): boolean {
    const chunks = this.#chunks!;
    const content = chunks.read(this.#bytes, this.#at);
    this.#at = chunks.position;
    if (chunks.done) this.#state = "trailers";
    if (content !== undefined) this.#sink.onContent(content);
    return true;
  }

  #trailers(): boolean {
    const section = readTrailerSection(this.#bytes, this.#at, this.limits, this.#at + this.#searched);
    if (section === undefined) {
      this.#searched = this.#bytes.length - this.#at;
      return false;
    }
    this.#searched = 0;
    this.#at = section.end;
    this.endMessage(section.raw);
    return true;
  }
}
