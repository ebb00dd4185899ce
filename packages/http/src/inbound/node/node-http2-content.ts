import { constants, type Http2ServerRequest } from "node:http2";
import type { Readable } from "node:stream";

import { FieldLines } from "@trailsum/shared";

import type { ContentSink, ContentSource } from "../inbound-content.ts";
import { unreadLimits } from "../unread-limits.ts";
import { lostReason } from "./lost-request.ts";
import { alreadyRead } from "./node-message.ts";
import { superviseStream } from "./supervised-stream.ts";

/** How content is read, and who sends the response to it. */
export interface NodeHttp2ContentOptions {
  /** What is read: the request object where an application looks at its state, or the stream that it wraps. */
  readonly readable: Readable;
  /** Whether the request ended with its header section. */
  readonly whole: boolean;
  /** Whether the response has been sent completely. */
  readonly isResponseSent: () => boolean;
  /** Called when a sink has left before the end. */
  readonly onLeft?: () => void;
}

/**
 * The content of a request of node:http2. Node reports `end` and `complete` also for a stream that was reset. A stream
 * whose response has not been sent is closed by nothing but a reset; one whose response has been sent is also closed
 * when both ends are done.
 */
export class NodeHttp2Content implements ContentSource {
  /** Node announces a stream before it reads its content. */
  readonly whole = undefined;
  /** Bytes that have come, without framing. */
  received = 0;
  state: "arriving" | "discarded" | "whole" | "lost";
  readonly #req: Http2ServerRequest;
  readonly #options: NodeHttp2ContentOptions;
  #sink: ContentSink | undefined;

  constructor(req: Http2ServerRequest, options: NodeHttp2ContentOptions) {
    this.#req = req;
    this.#options = options;
    this.state = options.whole ? "whole" : "arriving";
    superviseStream(req.stream);
    options.readable.on("end", this.#onEnd);
    req.stream.on("close", this.#onClose);
    // Middleware may have taken longer than the client waited: `close` has been emitted already.
    if (req.stream.closed || req.stream.destroyed) this.#onClose();
  }

  /** Middleware may have taken its time: Node keeps what came before. */
  get trailers(): FieldLines {
    return FieldLines.fromRaw(this.#req.rawTrailers);
  }

  flow(sink: ContentSink): void {
    this.#sink = sink;
    const { readable } = this.#options;
    if (this.received === 0 && this.#req.readableDidRead) sink.onLost(alreadyRead());
    else if (this.state === "lost") sink.onLost(lostReason(this.#req));
    // Node emits the end of empty content whether there is a listener or not.
    else if (this.state === "whole") process.nextTick(() => this.#sink?.onEnd());
    else if (readable.readableEnded) sink.onLost(alreadyRead());
    else readable.on("data", this.#onData).resume();
  }

  pause(): void {
    this.#options.readable.pause();
  }

  resume(): void {
    this.#options.readable.resume();
  }

  leave(): void {
    this.#sink = undefined;
    const { readable, onLeft } = this.#options;
    readable.off("data", this.#onData);
    if (this.state !== "arriving") return;
    readable.pause();
    onLeft?.();
  }

  /**
   * Reads and discards the rest of a request that has its response, and stops the client a little later by RST_STREAM with
   * NO_ERROR (RFC 9113 section 8.1). The connection stays open. Most clients stop by themselves, and some that find the
   * response and the reset in one packet lose the response (curl 7.88).
   */
  discard(): void {
    const { stream } = this.#req;
    this.#sink = undefined;
    if (this.state !== "arriving" || stream.closed) return;
    this.state = "discarded";
    this.#options.readable.resume();
    // A reset would overtake a response that has not left yet.
    const stop = (): void => void (stream.state.localClose === 1 && stream.close(constants.NGHTTP2_NO_ERROR));
    const limit = setTimeout(stop, unreadLimits.idle).unref();
    stream.once("close", () => clearTimeout(limit));
  }

  readonly #onData = (piece: Buffer): void => {
    this.received += piece.length;
    if (this.#sink?.onContent(piece) === false) this.#options.readable.pause();
  };

  readonly #onEnd = (): void => {
    if (this.state !== "arriving") return;
    const { closed, rstCode, aborted } = this.#req.stream;
    const reset = closed && (rstCode !== constants.NGHTTP2_NO_ERROR || !this.#options.isResponseSent());
    if (reset || aborted) {
      this.#onClose();
      return;
    }
    this.state = "whole";
    this.#sink?.onEnd();
  };

  readonly #onClose = (): void => {
    if (this.state !== "arriving") return;
    this.state = "lost";
    this.#sink?.onLost(lostReason(this.#req));
  };
}
