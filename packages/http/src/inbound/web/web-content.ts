import { FieldLines, TrailsumError } from "@trailsum/shared";

import type { ContentSink, ContentSource } from "../inbound-content.ts";
import { alreadyRead } from "../node/node-message.ts";

/** The content of a `Request` of the Fetch standard, which has no trailers. A stream that fails did not arrive whole. */
export class WebContent implements ContentSource {
  readonly whole = undefined;
  readonly trailers: FieldLines = FieldLines.empty;
  /** Bytes that have come. */
  received = 0;
  readonly #request: Request;
  #sink: ContentSink | undefined;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #paused = false;
  #reading = false;

  constructor(request: Request) {
    this.#request = request;
  }

  flow(sink: ContentSink): void {
    const { body, bodyUsed } = this.#request;
    this.#sink = sink;
    if (bodyUsed || body?.locked === true) return sink.onLost(alreadyRead());
    this.#reader = body?.getReader();
    this.resume();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    if (!this.#reading) void this.#read();
  }

  /** The stream is not cancelled: some servers close the connection then, and the response could not be sent. */
  leave(): void {
    this.#sink = undefined;
  }

  /** Hands a piece on, or the end. Returns whether it is the end. */
  #take(piece: Uint8Array | undefined): boolean {
    if (piece === undefined) {
      this.#sink?.onEnd();
      return true;
    }
    this.received += piece.byteLength;
    if (this.#sink?.onContent(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)) === false) this.pause();
    return false;
  }

  async #read(): Promise<void> {
    this.#reading = true;
    try {
      while (this.#sink !== undefined && !this.#paused) {
        const piece = await this.#reader?.read();
        if (this.#take(piece?.value)) return;
      }
    } catch (cause) {
      const message = "the request was aborted before its end";
      this.#sink?.onLost(new TrailsumError("CONNECTION_LOST", message, { cause, status: 400 }));
    } finally {
      this.#reading = false;
    }
  }
}
