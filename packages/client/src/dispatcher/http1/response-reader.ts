import { ChunkedDecoder, readTrailerSection, sectionEnd } from "@trailsum/http/http1";
import { errors } from "undici";

import type { ResponseLimits } from "../connection.ts";
import { parserError, undiciError } from "./parser-error.ts";
import { MAX_FIELDS, parseResponseHead, type ResponseHead } from "./response-head.ts";

/** Who is told what a response consists of, in the order in which it stood on the wire. */
export interface ResponseSink {
  /** An interim response, 1xx but 101: another head follows. */
  onInterim(head: ResponseHead): void;
  /** The head of the final response. */
  onHead(head: ResponseHead): void;
  /** Some content. The buffer is a view of what was read from the socket. */
  onContent(content: Buffer): void;
  /** The message is complete. `trailers` is name, value, name, value, ... */
  onComplete(trailers: string[]): void;
  /** The connection is no HTTP connection any more; `rest` is what was already read behind the head. */
  onSwitch(head: ResponseHead, rest: Buffer): void;
}

const NOTHING = Buffer.alloc(0);
const PROTOCOL = "HTTP/1.";
/** The length of what ends a section: the CRLF of its last line and that of the empty one. */
const END_OF_SECTION = 4;

/**
 * Reads responses from the bytes of one connection, one after the other, strictly: whatever it accepts, Node's own
 * parser accepts with the same result, and what is ambiguous is an error. It knows no socket and no clock.
 */
export class ResponseReader {
  readonly #sink: ResponseSink;
  readonly #limits: ResponseLimits;
  #state: "idle" | "head" | "length" | "chunks" | "until-close" | "trailers" = "idle";
  #method = "";
  #switches = false;
  #left = 0;
  #chunks: ChunkedDecoder | undefined;
  /** Bytes that wait for more of their section, or for `resume`. */
  #held: Buffer = NOTHING;
  #paused = false;
  #reading = false;
  #end: "said" | "cut" | undefined;

  constructor(sink: ResponseSink, limits: ResponseLimits) {
    this.#sink = sink;
    this.#limits = limits;
  }

  /** Whether any byte of the expected response has been seen. */
  started = false;

  /** Whether bytes that have arrived are held back until `resume`. */
  get waiting(): boolean {
    return this.#paused && this.#held.length > 0;
  }

  /** Expects the response to a request: its method and whether it asked to switch protocols decide how it ends. */
  expect(method: string, switches: boolean): void {
    this.#state = "head";
    this.started = false;
    this.#method = method;
    this.#switches = switches || method === "CONNECT";
  }

  /** Holds back what comes after the current piece until `resume`, or until the message is complete without more. */
  pause(): void {
    this.#paused = true;
  }

  /** Goes on with what was held back. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#reading) return;
    if (this.#held.length > 0) this.read(NOTHING);
    if (this.#end !== undefined && !this.#paused) this.#close();
  }

  /** Takes the next bytes. Throws an undici error when they are not what a response may be. */
  read(bytes: Buffer): void {
    const all = this.#joined(bytes);
    this.#held = NOTHING;
    this.started = true;
    this.#reading = true;
    try {
      let at = 0;
      while (at < all.length && !this.#paused) {
        const next = this.#step(all, at);
        if (next === undefined) break;
        at = next;
      }
      // A view would keep the whole buffer alive for a few bytes of an incomplete line. While paused it is most of the
      // buffer, and a copy for each of many small pieces would cost more than they do.
      if (at < all.length) this.#held = at === 0 || this.#paused ? all.subarray(at) : Buffer.from(all.subarray(at));
    } catch (error) {
      throw undiciError(error);
    } finally {
      this.#reading = false;
    }
  }

  /**
   * The peer has closed its side, and said so, or the connection was only cut. What is held back is read first. Throws
   * unless a response may end there.
   */
  end(said: boolean): void {
    this.#end = said ? "said" : "cut";
    if (!this.waiting) this.#close();
  }

  #joined(bytes: Buffer): Buffer {
    if (this.#held.length === 0) return bytes;
    return bytes.length === 0 ? this.#held : Buffer.concat([this.#held, bytes]);
  }

  #close(): void {
    if (this.#state === "idle") return;
    if (this.#state !== "until-close") throw new errors.SocketError("other side closed");
    if (this.#end === "cut") throw new errors.SocketError("other side closed without the close_notify of TLS");
    this.#complete([]);
  }

  /** Reads one piece: a head, some content, a trailer section. Gives the position behind it, or nothing if it is cut. */
  #step(bytes: Buffer, at: number): number | undefined {
    switch (this.#state) {
      case "head":
        return this.#head(bytes, at);
      case "length":
        return this.#content(bytes, at);
      case "chunks":
        return this.#chunk(bytes, at);
      case "trailers":
        return this.#trailers(bytes, at);
      case "until-close":
        this.#sink.onContent(at === 0 ? bytes : bytes.subarray(at));
        return bytes.length;
      default:
        throw new errors.SocketError("bytes that nobody asked for");
    }
  }

  #head(bytes: Buffer, start: number): number | undefined {
    const end = sectionEnd(bytes, start, this.#limits.maxHeaderSize);
    if (end === undefined) {
      refuseOtherProtocols(bytes, start);
      return undefined;
    }
    const head = parseResponseHead(bytes, start, end, this.#method);
    const at = end + END_OF_SECTION;
    // Whoever asked for a tunnel is handed the connection whatever the answer, as undici and node:http do it.
    if (head.status === 101 || (this.#method === "CONNECT" && head.status >= 200)) {
      if (!this.#switches) throw new errors.SocketError("an upgrade that nobody asked for");
      this.#state = "idle";
      this.#sink.onSwitch(head, Buffer.from(bytes.subarray(at)));
      return bytes.length;
    }
    if (head.status < 200) {
      // Behind a head that ends the connection, no other can stand.
      if (!head.persistent) throw parserError("an interim response that closes the connection", "CLOSED_CONNECTION");
      this.#sink.onInterim(head);
      return at;
    }
    this.#frame(head);
    return at;
  }

  #frame(head: ResponseHead): void {
    const { framing } = head;
    if (framing.kind === "chunked") {
      this.#chunks = new ChunkedDecoder();
      this.#state = "chunks";
    } else if (framing.kind === "until-close") {
      this.#state = "until-close";
    } else {
      this.#left = framing.kind === "length" ? framing.length : 0;
      this.#state = "length";
    }
    this.#sink.onHead(head);
    if (this.#state === "length" && this.#left === 0) this.#complete([]);
  }

  #content(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    this.#sink.onContent(bytes.subarray(at, end));
    if (this.#left === 0 && this.#state === "length") this.#complete([]);
    return end;
  }

  #chunk(bytes: Buffer, at: number): number {
    const chunks = this.#chunks!;
    const content = chunks.read(bytes, at);
    const next = chunks.position;
    if (chunks.done) this.#state = "trailers";
    if (content !== undefined) this.#sink.onContent(content);
    return next;
  }

  #trailers(bytes: Buffer, at: number): number | undefined {
    const section = readTrailerSection(bytes, at, {
      maxTrailerSize: this.#limits.maxTrailerSize,
      maxFields: MAX_FIELDS,
    });
    if (section === undefined) return undefined;
    this.#complete(section.raw);
    return section.end;
  }

  #complete(trailers: string[]): void {
    this.#state = "idle";
    this.#chunks = undefined;
    // What stands behind the message belongs to no message: it is refused now, and not held for the next one.
    this.#paused = false;
    this.#sink.onComplete(trailers);
  }
}

/** A server that says something else first, as SSH and SMTP do, waits for an answer: no end of a head would ever come. */
function refuseOtherProtocols(bytes: Buffer, start: number): void {
  const beginning = bytes.toString("latin1", start, start + PROTOCOL.length);
  if (!PROTOCOL.startsWith(beginning)) throw parserError("not an HTTP/1.1 status line", "INVALID_STATUS");
}
