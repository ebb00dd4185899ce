import type { IncomingMessage } from "node:http";

import { FieldLines } from "@trailsum/shared";

import type { ContentSink, ContentSource } from "../inbound-content.ts";
import { alreadyRead } from "./node-message.ts";
import { lostReason } from "./lost-request.ts";

/** The content of a request of Node's. Only `complete` distinguishes a whole message from one that was cut off. */
export class NodeContent implements ContentSource {
  /** Node announces a request before it reads its content. */
  readonly whole = undefined;
  /** Bytes that have come. */
  received = 0;
  readonly #message: IncomingMessage;
  #sink: ContentSink | undefined;
  /** Whether it has flowed before, for an earlier attempt. */
  #begun = false;

  constructor(message: IncomingMessage) {
    this.#message = message;
  }

  get trailers(): FieldLines {
    return FieldLines.fromRaw(this.#message.rawTrailers);
  }

  flow(sink: ContentSink): void {
    this.#sink = sink;
    const message = this.#message;
    if (this.#begun && message.readableEnded) process.nextTick(this.#onEnd);
    else if (!this.#begun && message.readableDidRead) sink.onLost(alreadyRead());
    else if (message.destroyed && !message.readableEnded) sink.onLost(lostReason(message));
    else {
      this.#begun = true;
      message.on("data", this.#onData).on("end", this.#onEnd).on("close", this.#onLost).on("aborted", this.#onLost);
      // An earlier attempt that was given up has paused it.
      message.resume();
    }
  }

  pause(): void {
    this.#message.pause();
  }

  resume(): void {
    this.#message.resume();
  }

  leave(): void {
    const message = this.#message;
    this.#sink = undefined;
    message.off("data", this.#onData).off("end", this.#onEnd).off("close", this.#onLost).off("aborted", this.#onLost);
    if (!message.readableEnded) message.pause();
  }

  readonly #onData = (piece: Buffer): void => {
    this.received += piece.length;
    if (this.#sink?.onContent(piece) === false) this.#message.pause();
  };

  readonly #onEnd = (): void => {
    if (this.#message.complete) this.#sink?.onEnd();
    else this.#onLost();
  };

  readonly #onLost = (): void => {
    // A message that has ended closes; what it brought may still wait to be read.
    if (this.#message.complete && this.#message.readableEnded) return;
    this.#sink?.onLost(lostReason(this.#message));
  };
}
