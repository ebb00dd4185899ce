import { ChunkedDecoder } from "./chunked-decoder.ts";
import { type FaultStatus, RequestFault } from "./request-fault.ts";
import { checkBeginning, parseRequestHead, type RequestHead } from "./request-head.ts";
import { sectionEnd } from "./section-end.ts";
import { SyntaxFault } from "./syntax-fault.ts";
import { readTrailerSection } from "./trailer-section.ts";

/** Who is told what a request consists of, in the order in which it stood on the wire. */
export interface RequestSink {
  onHead(head: RequestHead): void;
  /** Some content. The buffer is a view of what was read from the socket. */
  onContent(piece: Buffer): void;
  /** The request is complete. `trailers` is name, value, name, value, ... */
  onComplete(trailers: string[]): void;
}

/** How much of a request is taken. */
export interface RequestLimits {
  /** The most bytes in a head, its empty line not counted. */
  readonly maxHeaderSize: number;
  /** The most field lines in a head, and in a trailer section. */
  readonly maxFields: number;
  /** The most bytes in a trailer section. */
  readonly maxTrailerSize: number;
}

const NOTHING = Buffer.alloc(0);
const CR = 0x0d;
const LF = 0x0a;
/** The length of what ends a section: the CRLF of its last line and that of the empty one. */
const END_OF_SECTION = 4;
/** Clients of old sent one behind their content, which is to be overlooked (RFC 9112 section 2.2). */
const MAX_EMPTY_LINES = 4;

/**
 * Reads requests from the bytes of one connection, one after the other, strictly: whatever it accepts, Node's own parser
 * accepts with the same result, but for methods that Node does not know; and what is ambiguous is a fault. Behind a
 * request it stops until `next`, and holds what has come. It knows no socket and no clock.
 */
export class RequestReader {
  readonly #sink: RequestSink;
  readonly #limits: RequestLimits;
  #state: "head" | "length" | "chunks" | "trailers" | "complete" | "refused" = "head";
  /** Bytes that are being read, or wait for more of their section, for `resume` or for `next`: those from `#at`. */
  #bytes: Buffer = NOTHING;
  #at = 0;
  /** How many of them have been searched for the end of their section. */
  #searched = 0;
  #emptyLines = 0;
  #left = 0;
  #chunks: ChunkedDecoder | undefined;
  #paused = false;
  #reading = false;
  #ended = false;

  constructor(sink: RequestSink, limits: RequestLimits) {
    this.#sink = sink;
    this.#limits = limits;
  }

  /** Whether a request has begun that is not complete: a connection that ends now breaks off. */
  get started(): boolean {
    if (this.#state === "head") return this.#at < this.#bytes.length;
    return this.#state !== "complete" && this.#state !== "refused";
  }

  /** Whether a request has been read to its end, and `next` has not been called. */
  get complete(): boolean {
    return this.#state === "complete";
  }

  /** Whether bytes that have come are held back until `resume` or `next`: better read no more from the socket. */
  get waiting(): boolean {
    return this.#stopped && this.#at < this.#bytes.length;
  }

  /**
   * Takes the next bytes, which nobody may change any more. Throws a {@link RequestFault} when they are not what a
   * request may be; whatever comes then is not looked at.
   */
  read(bytes: Buffer): void {
    if (this.#at === this.#bytes.length) {
      this.#bytes = bytes;
      this.#at = 0;
    } else {
      this.#bytes = Buffer.concat([this.#bytes.subarray(this.#at), bytes]);
      this.#at = 0;
    }
    this.#run();
  }

  /** Holds back what comes after the current piece until `resume`, or until the request is complete without more. */
  pause(): void {
    this.#paused = true;
  }

  /** Whether content is held back: it is not the client that is waited for. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Goes on with what was held back. Throws as `read` and `end` do. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#run();
  }

  /** Goes on to the next request, once one is complete. Throws as `read` and `end` do. */
  next(): void {
    if (this.#state !== "complete") return;
    this.#state = "head";
    this.#emptyLines = 0;
    this.#run();
  }

  /** The client has sent its last byte. What is held back is read first. Throws when it is within a request. */
  end(): void {
    this.#ended = true;
    this.#run();
  }

  /** Takes out what has come behind the current piece: the beginning of another protocol, where it is switched to one. */
  rest(): Buffer {
    const rest = this.#bytes.subarray(this.#at);
    this.#release();
    return rest;
  }

  get #stopped(): boolean {
    return this.#paused || this.#state === "complete" || this.#state === "refused";
  }

  #run(): void {
    // The sink has called from within a piece: the loop goes on by itself.
    if (this.#reading) return;
    this.#reading = true;
    try {
      while (this.#at < this.#bytes.length && !this.#stopped && this.#step());
      if (this.#ended && this.started && !this.waiting) throw new RequestFault("the request was broken off", 400);
      this.#hold();
    } catch (error) {
      const refused = this.#refused(error);
      this.#state = "refused";
      this.#release();
      throw refused;
    } finally {
      this.#reading = false;
    }
  }

  /** Keeps what has not been read. */
  #hold(): void {
    if (this.#state === "refused" || this.#at === this.#bytes.length) {
      this.#release();
    } else if (this.#at > 0 && !this.#stopped) {
      // A view would keep the whole buffer alive for a few bytes of a line. While stopped it is most of the buffer.
      this.#bytes = Buffer.from(this.#bytes.subarray(this.#at));
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
        return this.#content();
      case "chunks":
        return this.#chunk();
      default:
        return this.#trailers();
    }
  }

  #head(): boolean {
    if (this.#bytes[this.#at] === CR) return this.#emptyLine();
    const bytes = this.#bytes;
    const start = this.#at;
    const end = sectionEnd(bytes, start, this.#limits.maxHeaderSize, start + this.#searched);
    if (end === undefined) {
      checkBeginning(bytes, start);
      this.#searched = bytes.length - start;
      return false;
    }
    const head = parseRequestHead(bytes, start, end, this.#limits.maxFields);
    this.#searched = 0;
    this.#at = end + END_OF_SECTION;
    const { framing } = head;
    if (framing.kind === "chunked") this.#chunks = new ChunkedDecoder();
    else this.#left = framing.kind === "length" ? framing.length : 0;
    this.#state = framing.kind === "chunked" ? "chunks" : "length";
    this.#sink.onHead(head);
    if (this.#state === "length" && this.#left === 0) this.#complete([]);
    return true;
  }

  #emptyLine(): boolean {
    if (this.#at + 1 === this.#bytes.length) return false;
    this.#emptyLines += 1;
    if (this.#bytes[this.#at + 1] !== LF || this.#emptyLines > MAX_EMPTY_LINES) {
      throw new RequestFault("empty lines, or a bare CR, in place of a request", 400);
    }
    this.#at += 2;
    return true;
  }

  #content(): boolean {
    const start = this.#at;
    const end = Math.min(this.#bytes.length, start + this.#left);
    this.#left -= end - start;
    this.#at = end;
    this.#sink.onContent(this.#bytes.subarray(start, end));
    if (this.#left === 0 && this.#state === "length") this.#complete([]);
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
    const section = readTrailerSection(this.#bytes, this.#at, this.#limits, this.#at + this.#searched);
    if (section === undefined) {
      this.#searched = this.#bytes.length - this.#at;
      return false;
    }
    this.#searched = 0;
    this.#at = section.end;
    this.#complete(section.raw);
    return true;
  }

  #complete(trailers: string[]): void {
    this.#state = "complete";
    this.#chunks = undefined;
    this.#paused = false;
    this.#sink.onComplete(trailers);
  }

  /** The fault that a request is refused for; what the sink has thrown is what it is. */
  #refused(error: unknown): unknown {
    if (!(error instanceof SyntaxFault)) return error;
    return new RequestFault(error.message, this.#status(error), { cause: error });
  }

  #status({ fault }: SyntaxFault): FaultStatus {
    if (fault === "TOO_MANY_EXTENSIONS") return 413;
    if (fault !== "TOO_LARGE") return 400;
    if (this.#state !== "head") return 431;
    const lineEnd = this.#bytes.indexOf(CR, this.#at);
    return lineEnd === -1 || lineEnd - this.#at > this.#limits.maxHeaderSize ? 414 : 431;
  }
}
