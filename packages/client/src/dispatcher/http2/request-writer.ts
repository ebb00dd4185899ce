import type { ClientStream } from "@trailsum/http/http2";
import { FieldLines } from "@trailsum/shared";
import { errors } from "undici";

import { ContentSender, type ContentSink } from "../content-sender.ts";
import type { OutgoingRequest } from "../outgoing-request.ts";
import { checkSize } from "./request-fields.ts";

/** Observes how the sending of a request goes. */
export interface WriterEvents {
  /** A piece of the body was taken, to be sent as soon as the server's windows allow. */
  onTaken(chunk: Uint8Array): void;
  /** The server allows no more for now, or the end of the request has not left. */
  onBlocked(): void;
  /** The server allows more. */
  onProgress(): void;
  /** All of the request was handed over. */
  onFinished(trailers: readonly string[]): void;
  /** The body or the trailers failed: the request must not look complete. */
  onFailed(error: Error): void;
}

/** Sends the content of a request and its trailers on a stream, as fast as the windows of the server allow. */
export class RequestWriter implements ContentSink {
  readonly #stream: ClientStream;
  readonly #events: WriterEvents;
  readonly #content: ContentSender;
  /** What the windows do not allow yet. */
  #rest: Buffer | undefined;
  /** What follows the content, once that has ended. */
  #trailers: readonly string[] | undefined;
  /** `sending`: more of the request follows. `finished`: the whole request was written. `stopped`: the rest is not sent. */
  state: "sending" | "finished" | "stopped" = "sending";

  constructor(stream: ClientStream, request: OutgoingRequest, events: WriterEvents) {
    this.#stream = stream;
    this.#events = events;
    stream.onTaken = request.onBodyReleased;
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
    if (this.state === "sending") this.state = "stopped";
    this.#rest = undefined;
    this.#content.stop(error);
  }

  /** The stream takes more again. */
  onWritable(): void {
    const rest = this.#rest;
    if (rest === undefined) return;
    this.#rest = undefined;
    this.#events.onProgress();
    if (!this.#send(rest)) this.blocked();
    else if (this.#trailers === undefined) this.#content.drained();
    else this.#finish(this.#trailers);
  }

  // The content's side.

  write(bytes: Uint8Array): boolean {
    const taken = this.#send(Buffer.isBuffer(bytes) ? bytes : asBuffer(bytes));
    this.#events.onTaken(bytes);
    return taken;
  }

  blocked(): void {
    this.#events.onBlocked();
  }

  end(trailers: readonly string[]): void {
    this.#trailers = trailers;
    if (this.#rest === undefined) this.#finish(trailers);
    else this.blocked();
  }

  fail(error: Error): void {
    this.#events.onFailed(error);
  }

  /** Whether everything was accepted. */
  #send(bytes: Buffer): boolean {
    const taken = this.#stream.send(bytes);
    if (taken === bytes.length) return true;
    this.#rest = bytes.subarray(taken);
    return false;
  }

  #finish(trailers: readonly string[]): void {
    try {
      checkSize(trailers);
      this.#stream.sendTrailers(FieldLines.owning([...trailers]));
    } catch (error) {
      const { message } = error as Error;
      this.#events.onFailed(new errors.InvalidArgumentError(`the trailers cannot be sent: ${message}`));
      return;
    }
    this.state = "finished";
    this.blocked();
    this.#events.onFinished(trailers);
  }
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
