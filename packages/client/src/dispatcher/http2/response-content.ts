import { HeldContent } from "@trailsum/http/http2";
import { giveBack } from "@trailsum/http/transport";

/** The reader of a response's content. */
export interface ResponseContentEvents {
  /** Whether it takes no more for now. */
  isPaused(): boolean;
  /** Takes a piece. */
  onPiece(piece: Buffer): void;
  /** All of the content has come, and has been taken. */
  onDelivered(): void;
}

/**
 * The content of a response on its way from the stream to the handler. What the handler is not ready for is held, and is not
 * consumed, so that flow control bounds it.
 */
export class ResponseContent {
  readonly #events: ResponseContentEvents;
  readonly #held = new HeldContent();
  #state: "arriving" | "complete" | "delivered" = "arriving";
  /** The bytes of Content-Length that have not arrived yet. */
  #missing: number | undefined;
  #delivering = false;

  constructor(events: ResponseContentEvents) {
    this.#events = events;
  }

  /** The head has come, with this Content-Length. */
  expect(length: number | undefined): void {
    this.#missing = length;
  }

  /** Whether it is not as long as its Content-Length. */
  get isOfOtherLength(): boolean {
    return this.#missing !== undefined && this.#missing !== 0;
  }

  receive(piece: Buffer): void {
    if (this.#missing !== undefined) this.#missing -= piece.length;
    if (this.#events.isPaused() || !this.#held.isEmpty) {
      if (this.#held.push(piece)) giveBack(piece);
    } else if (piece.length > 0) this.#events.onPiece(piece);
  }

  /** Nothing more comes. */
  complete(): void {
    this.#state = "complete";
    this.#settle();
  }

  /** Hands on what is held, as long as the handler takes it. */
  deliver(): void {
    // A handler may pause and resume while it is given some.
    if (this.#delivering) return;
    this.#delivering = true;
    while (!this.#events.isPaused() && !this.#held.isEmpty) this.#events.onPiece(this.#held.shift()!);
    this.#delivering = false;
    this.#settle();
  }

  /** Discards what is held. */
  discard(): void {
    this.#held.clear();
    this.#state = "delivered";
  }

  #settle(): void {
    if (this.#state !== "complete" || !this.#held.isEmpty || this.#events.isPaused()) return;
    this.#state = "delivered";
    this.#events.onDelivered();
  }
}
