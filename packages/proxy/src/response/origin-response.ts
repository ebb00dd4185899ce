import type { FieldLines } from "@trailsum/shared";
import type { Dispatcher } from "undici";

/** Receives the content of a response, piece by piece. */
export interface ContentSink {
  /** Takes a piece; false when no more should come until `resume` is called. */
  onContent(piece: Buffer): boolean;
  /** The content has ended, with these trailers. */
  onEnd(trailers: FieldLines): void;
  /** It was aborted. */
  onError(error: Error): void;
}

/** Content that has ended. */
export interface WholeContent {
  readonly content: Buffer;
  readonly trailers: FieldLines;
}

/** The response of an origin: its head at once, its content to one sink. */
export interface OriginResponse {
  readonly status: number;
  readonly reason: string;
  readonly header: FieldLines;
  /** The version of HTTP that it came in; 1.1 where the dispatcher does not say. */
  readonly httpVersion: "1.1" | "2.0";
  /** Whether trailers may follow its content. */
  readonly trailersPossible: boolean;
  /** All of the content and its trailers, where both have arrived and no sink takes them. */
  readonly whole: WholeContent | undefined;
  /** Hands the content over, what came already first. */
  consume(sink: ContentSink): void;
  /** Lets more content come. */
  resume(): void;
  /** Gives it up; the connection to the origin is closed unless the response had ended. */
  abandon(reason: Error): void;
}

/** The most content that is buffered without a sink. Bytes. */
const HELD = 64 * 1024;

/** The response while it comes in: what has come and has not been taken, and who takes it. */
export class IncomingResponse implements OriginResponse {
  readonly status: number;
  readonly reason: string;
  readonly header: FieldLines;
  readonly httpVersion: "1.1" | "2.0";
  readonly trailersPossible: boolean;
  readonly #controller: Dispatcher.DispatchController;
  #pieces: Buffer[] = [];
  #held = 0;
  #outcome: { trailers: FieldLines } | { error: Error } | undefined;
  #sink: ContentSink | undefined;

  constructor(controller: Dispatcher.DispatchController, status: number, header: FieldLines, reason: string) {
    this.#controller = controller;
    this.status = status;
    this.header = header;
    this.reason = reason;
    this.httpVersion = httpVersionOf(controller);
    // HTTP/2 marks the end of a message in its frames, and can have trailers after content of any length.
    this.trailersPossible =
      this.httpVersion === "2.0" || header.has("Transfer-Encoding") || !header.has("Content-Length");
  }

  get whole(): WholeContent | undefined {
    if (this.#sink !== undefined || this.#outcome === undefined || "error" in this.#outcome) return undefined;
    return { content: Buffer.concat(this.#pieces), trailers: this.#outcome.trailers };
  }

  consume(sink: ContentSink): void {
    this.#sink = sink;
    for (const piece of this.#pieces.splice(0)) this.#hand(sink, piece);
    if (this.#outcome !== undefined) this.#finish(sink, this.#outcome);
    else if (this.#held > HELD) this.#controller.resume();
  }

  resume(): void {
    this.#controller.resume();
  }

  abandon(reason: Error): void {
    if (this.#outcome === undefined) this.#controller.abort(reason);
  }

  /** The handler's side: a piece has come. */
  content(piece: Buffer): void {
    if (this.#sink !== undefined) {
      this.#hand(this.#sink, piece);
      return;
    }
    this.#pieces.push(piece);
    this.#held += piece.length;
    if (this.#held > HELD) this.#controller.pause();
  }

  /** The handler's side: it has ended. */
  ended(trailers: FieldLines): void {
    this.#settle({ trailers });
  }

  /** The handler's side: it has failed. */
  failed(error: Error): void {
    this.#settle({ error });
  }

  #settle(outcome: { trailers: FieldLines } | { error: Error }): void {
    this.#outcome = outcome;
    if (this.#sink !== undefined) this.#finish(this.#sink, outcome);
  }

  #hand(sink: ContentSink, piece: Buffer): void {
    if (!sink.onContent(piece) && this.#outcome === undefined) this.#controller.pause();
  }

  #finish(sink: ContentSink, outcome: { trailers: FieldLines } | { error: Error }): void {
    if ("trailers" in outcome) sink.onEnd(outcome.trailers);
    else sink.onError(outcome.error);
  }
}

/** A `TrailerAgent` says which version of HTTP a response came in; undici's own dispatchers do not. */
export function httpVersionOf(controller: Dispatcher.DispatchController): "1.1" | "2.0" {
  return "httpVersion" in controller && controller.httpVersion === "2.0" ? "2.0" : "1.1";
}
