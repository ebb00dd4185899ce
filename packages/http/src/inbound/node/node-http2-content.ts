import type { Http2ServerRequest } from "node:http2";

import { FieldLines } from "@trailsum/shared";

import type { ContentSink, ContentSource } from "../inbound-content.ts";
import { lostReason } from "./lost-request.ts";
import { alreadyRead } from "./node-message.ts";
import { stopBehindAnswer, superviseStream } from "./supervised-stream.ts";

/**
 * The content of a request of node:http2 whose response an application sends itself. The request object reports `end`
 * and `complete` also for a stream that was reset. A stream whose response has not ended is closed by nothing but a
 * reset; one whose response has ended may have been closed by both ends, and counts as reset.
 */
export class NodeHttp2Content implements ContentSource {
  readonly whole = undefined;
  /** Bytes that have come, without framing. */
  received = 0;
  readonly #req: Http2ServerRequest;
  #sink: ContentSink | undefined;

  constructor(req: Http2ServerRequest) {
    this.#req = req;
    superviseStream(req.stream);
  }

  get trailers(): FieldLines {
    return FieldLines.fromRaw(this.#req.rawTrailers);
  }

  flow(sink: ContentSink): void {
    this.#sink = sink;
    const req = this.#req;
    if (req.aborted) sink.onLost(lostReason(req));
    else if (req.readableDidRead || req.readableEnded) sink.onLost(alreadyRead());
    else req.on("data", this.#onData).on("end", this.#onEnd).on("aborted", this.#onLost).on("close", this.#onLost);
  }

  pause(): void {
    this.#req.pause();
  }

  resume(): void {
    this.#req.resume();
  }

  /** A client that keeps sending after the response is asked to stop. */
  leave(): void {
    const req = this.#req;
    this.#sink = undefined;
    req.off("data", this.#onData).off("end", this.#onEnd).off("aborted", this.#onLost).off("close", this.#onLost);
    if (req.readableEnded) return;
    req.pause();
    stopBehindAnswer(req);
  }

  readonly #onData = (piece: Buffer): void => {
    this.received += piece.length;
    if (this.#sink?.onContent(piece) === false) this.#req.pause();
  };

  readonly #onEnd = (): void => {
    if (this.#req.stream.closed) this.#onLost();
    else this.#sink?.onEnd();
  };

  readonly #onLost = (): void => {
    this.#sink?.onLost(lostReason(this.#req));
  };
}
