import { fieldLinesText, type MessageWriter } from "@trailsum/http/http1";

import { ContentSender, type ContentSink } from "../content-sender.ts";
import type { OutgoingRequest } from "../outgoing-request.ts";
import { checkWritable } from "../writable-text.ts";
import { type RequestFraming, requestFraming, requestHead } from "./request-head.ts";

/** Observes how the sending of a request goes. */
export interface WriterEvents {
  /** The complete head was written, with its final empty line. */
  onHeadWritten(head: string): void;
  /** A piece of the body was handed to the socket. */
  onSent(chunk: Uint8Array): void;
  /** The socket takes no more for now. */
  onBlocked(): void;
  /** All of the request was handed to the socket, these trailers last. */
  onFinished(trailers: readonly string[]): void;
  /** The body or the trailers failed: the request must not look complete. */
  onFailed(error: Error): void;
}

/**
 * Writes one request: head, content in its framing, trailers. It takes from the body only as fast as the
 * socket sends. What has been handed over when it is stopped is never completed.
 */
export class RequestWriter implements ContentSink {
  readonly #writer: MessageWriter;
  readonly #request: OutgoingRequest;
  readonly #events: WriterEvents;
  readonly #framing: RequestFraming;
  readonly #content: ContentSender;
  #stopped = false;
  /** Whether all of the request has been handed to the socket. */
  finished = false;

  constructor(writer: MessageWriter, request: OutgoingRequest, events: WriterEvents) {
    this.#writer = writer;
    this.#request = request;
    this.#events = events;
    this.#framing = requestFraming(request);
    this.#content = new ContentSender(request, this);
  }

  /** Whether the body has not been begun: it waits for a 100. */
  get waiting(): boolean {
    return this.#content.waiting;
  }

  /** Sends the head, and the body unless it has to wait for a 100. */
  start(authority: string): void {
    let head: string;
    try {
      head = requestHead(this.#request, this.#framing, authority);
    } catch (error) {
      this.#events.onFailed(error as Error);
      return;
    }
    this.#writer.returnContent(this.#request.onBodyReleased);
    this.#writer.text(head);
    this.#events.onHeadWritten(head);
    if (!this.#request.expectContinue || this.#framing === "none") this.sendBody();
  }

  /** Sends the body, if it has not been begun: after a 100, or when it did not come in time. */
  sendBody(): void {
    this.#content.start();
  }

  /** The socket takes more again. */
  drained(): void {
    this.#content.drained();
  }

  /** Sends nothing more and lets go of the body: the answer is there already, or the exchange has failed. */
  stop(error?: Error): void {
    this.#stopped = true;
    this.#content.stop(error);
    // Flush what the source produced before failing, so the server sees a truncated message rather than nothing, unless
    // that could be taken for a complete one.
    if (error !== undefined && !this.finished && this.#content.unfinished) this.#writer.flush();
  }

  // The content's side.

  write(chunk: Uint8Array): boolean {
    const chunked = this.#framing === "chunked";
    const before = chunked ? `${chunk.byteLength.toString(16)}\r\n` : "";
    const more = this.#writer.content(chunk, before, chunked ? "\r\n" : "");
    this.#events.onSent(chunk);
    return more;
  }

  blocked(): void {
    this.#events.onBlocked();
  }

  end(trailers: readonly string[]): void {
    checkWritable(trailers);
    const sent = this.#framing === "chunked" ? trailers : [];
    if (this.#framing === "chunked") this.#writer.text(`0\r\n${fieldLinesText(sent)}\r\n`);
    this.finished = true;
    this.#events.onFinished(sent);
  }

  fail(error: Error): void {
    if (!this.#stopped && !this.finished) this.#events.onFailed(error);
  }
}
