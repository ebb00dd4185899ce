import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";

import { FieldLines, TrailsumError } from "@trailsum/shared";

/**
 * The content of a request that came in, as the body of the one that goes out. It touches the request only when it is
 * first read, so that as long as nobody has, another origin can be tried. Destroying it leaves the request alone, which
 * has still to be answered; and it ends only where the request arrived whole.
 */
export class InboundContent extends Readable {
  readonly #message: IncomingMessage;
  readonly #onBegin: () => void;
  #begun = false;

  /** `onBegin` is called when it is first read. */
  constructor(message: IncomingMessage, onBegin: () => void) {
    super({ highWaterMark: 256 * 1024 });
    this.#message = message;
    this.#onBegin = onBegin;
  }

  /** Whether any of it may have been read: then it cannot be sent again. */
  get begun(): boolean {
    return this.#begun;
  }

  /** The trailer section as it stood on the wire; nothing before the end. */
  get trailers(): FieldLines {
    return FieldLines.fromRaw(this.#message.rawTrailers);
  }

  override _read(): void {
    if (this.#begun) {
      this.#message.resume();
      return;
    }
    this.#begun = true;
    this.#onBegin();
    const message = this.#message;
    if (message.readableDidRead) {
      this.destroy(
        new TrailsumError("INTERNAL", "something in front of the proxy has read the content of the request"),
      );
      return;
    }
    if (message.destroyed && !message.readableEnded) {
      this.#onLost();
      return;
    }
    message.on("data", this.#onData).on("end", this.#onEnd).on("close", this.#onLost).on("aborted", this.#onLost);
    // Whoever destroyed an earlier attempt has paused it.
    message.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const message = this.#message;
    message.off("data", this.#onData).off("end", this.#onEnd).off("close", this.#onLost).off("aborted", this.#onLost);
    if (!message.readableEnded) message.pause();
    done(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    if (!this.push(chunk)) this.#message.pause();
  };

  readonly #onEnd = (): void => {
    if (this.#message.complete) this.push(null);
    else this.#onLost();
  };

  readonly #onLost = (): void => {
    if (this.readableEnded) return;
    // A message that has ended closes; what it brought may still wait here to be read.
    if (this.#message.complete && this.#message.readableEnded) return;
    this.destroy(new TrailsumError("CONNECTION_LOST", "the client broke off within its request", { status: 400 }));
  };
}
