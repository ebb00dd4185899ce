import { Readable } from "node:stream";

import { type FieldLines, TrailsumError } from "@trailsum/shared";

/** The content of a request, from any kind of connection. It waits until a sink takes it. */
export interface ContentSource {
  /** All of the content, where it came together with the head and no sink has begun to take it. */
  readonly whole: Buffer | undefined;
  /** Hands the content to `sink` from now on, what waits first, not before this call returns. */
  flow(sink: ContentSink): void;
  /** Holds it back. */
  pause(): void;
  /** Goes on. */
  resume(): void;
  /** Hands nothing to the sink any more; what comes is held back. */
  leave(): void;
  /** Whether the sink is still given the rest after the exchange has been concluded. */
  readonly outlivesResponse?: boolean;
  /** The trailer section as received; empty before the end. */
  readonly trailers: FieldLines;
}

/** Receives content, piece by piece. */
export interface ContentSink {
  /** Takes a piece; false when the source should pause. */
  onContent(piece: Buffer): boolean;
  /** The content is complete. */
  onEnd(): void;
  /** It was aborted: `reason` unless the client just disconnected. */
  onLost(reason?: TrailsumError): void;
}

/**
 * The content of a request that came in, as the body of the one that goes out. It touches its source only when it is
 * first read, so that until then another origin can be tried. Destroying it leaves the request alone, which
 * has still to be answered; and it ends only where the request arrived whole.
 */
export class InboundContent extends Readable implements ContentSink {
  readonly #source: ContentSource;
  readonly #onBegin: () => void;
  #begun = false;

  /** `onBegin` is called when it is first read. */
  constructor(source: ContentSource, onBegin: () => void) {
    super({ highWaterMark: 256 * 1024 });
    this.#source = source;
    this.#onBegin = onBegin;
  }

  /** Implements `Readable`: the reader wants more. */
  override _read(): void {
    if (this.#begun) {
      this.#source.resume();
      return;
    }
    this.#begun = true;
    this.#onBegin();
    this.#source.flow(this);
  }

  /** Implements `Readable`: discards the rest of the content. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (this.#begun) this.#source.leave();
    done(error);
  }

  onContent(piece: Buffer): boolean {
    return this.push(piece);
  }

  onEnd(): void {
    this.push(null);
  }

  onLost(reason?: TrailsumError): void {
    this.destroy(reason ?? new TrailsumError("CONNECTION_LOST", "the client aborted its request", { status: 400 }));
  }
}
