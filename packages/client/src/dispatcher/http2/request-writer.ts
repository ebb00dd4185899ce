import type { ClientHttp2Stream, OutgoingHttpHeaders } from "node:http2";

import { errors } from "undici";

import { ContentSender, type ContentSink } from "../content-sender.ts";
import type { OutgoingRequest } from "../outgoing-request.ts";
import { checkSection } from "./request-fields.ts";

/** Who is told how the sending of a request goes. */
export interface WriterEvents {
  /** A piece of the body was handed to Node. */
  onSent(chunk: Uint8Array): void;
  /** Node takes no more for now, or has not sent all that it has taken. */
  onBlocked(): void;
  /** What was handed over has left. */
  onProgress(): void;
  /** All of the request was handed over. */
  onFinished(): void;
  /** All of it has left. */
  onFlushed(): void;
  /** The body or the trailers failed: the request must not look complete. */
  onFailed(error: Error): void;
}

/** So much is handed over at a time: Node tells no sooner than when all of it is gone that sending goes on. */
const PIECE = 262_144;

/** Sends the content of a request and its trailers on a stream, as fast as the windows of the server allow. */
export class RequestWriter implements ContentSink {
  readonly #stream: ClientHttp2Stream;
  readonly #events: WriterEvents;
  readonly #content: ContentSender;
  /** What is left of a piece of content that is larger than what is handed over at a time. */
  #rest: Uint8Array | undefined;
  #trailers: readonly string[] | undefined;
  /** Whether all of the request has been handed over. */
  finished = false;

  constructor(stream: ClientHttp2Stream, request: OutgoingRequest, events: WriterEvents) {
    this.#stream = stream;
    this.#events = events;
    this.#content = new ContentSender(request, this);
  }

  /** Whether the body has not been begun: it waits for a 100. */
  get waiting(): boolean {
    return this.#content.waiting;
  }

  /** Sends the body, if it has not been begun. */
  start(): void {
    this.#content.start();
  }

  /** Sends nothing more and lets go of the body. */
  stop(error?: Error): void {
    this.#content.stop(error);
  }

  // The stream's side.

  /** It takes more again. */
  drained(): void {
    this.#events.onProgress();
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest !== undefined && !this.#handOver(rest)) this.blocked();
    else if (this.#trailers === undefined) this.#content.drained();
    else if (!this.finished) this.#finish();
  }

  /** All content has left, and the trailers are to follow. */
  sendTrailers(): void {
    try {
      this.#stream.sendTrailers(fieldsObject(this.#trailers ?? []));
    } catch (error) {
      this.#events.onFailed(
        new errors.InvalidArgumentError(`the trailers cannot be sent: ${(error as Error).message}`),
      );
    }
  }

  // The content's side.

  write(bytes: Uint8Array): boolean {
    const taken = this.#handOver(bytes);
    this.#events.onSent(bytes);
    return taken;
  }

  blocked(): void {
    this.#events.onBlocked();
  }

  end(trailers: readonly string[]): void {
    this.#trailers = trailers;
    if (this.#rest === undefined) this.#finish();
    else this.blocked();
  }

  fail(error: Error): void {
    this.#events.onFailed(error);
  }

  /** Hands over one piece after the other, as long as they are taken. */
  #handOver(bytes: Uint8Array): boolean {
    if (bytes.byteLength <= PIECE) return this.#stream.write(bytes);
    if (this.#stream.write(bytes.subarray(0, PIECE))) return this.#handOver(bytes.subarray(PIECE));
    this.#rest = bytes.subarray(PIECE);
    return false;
  }

  #finish(): void {
    this.finished = true;
    this.blocked();
    this.#stream.end(() => this.#events.onFlushed());
    this.#events.onFinished();
  }
}

/** Fields as Node takes them: an object without a prototype, with a list where a name comes more than once. */
function fieldsObject(raw: readonly string[]): OutgoingHttpHeaders {
  checkSection(raw);
  const fields = Object.create(null) as Record<string, string[]>;
  for (let at = 0; at < raw.length; at += 2) (fields[raw[at]!.toLowerCase()] ??= []).push(raw[at + 1]!);
  return fields;
}
