import type { ContentSink, ContentSource } from "@trailsum/http/inbound";
import type { FieldLines, TrailsumError } from "@trailsum/shared";

/**
 * Keeps the beginning of a request's content, so that a request that an origin certainly did not process can be sent
 * again. Content beyond the limit is not kept, and then none is: the request can be sent once only.
 */
export class ReplayBuffer {
  readonly #source: ContentSource;
  readonly #limit: number;
  #pieces: Buffer[] | undefined = [];
  #size = 0;
  #reader: ReplayedContent | undefined;

  /** `limit` in bytes; 0 keeps nothing. */
  constructor(source: ContentSource, limit: number) {
    this.#source = source;
    this.#limit = limit;
  }

  /** Whether all that has been read so far is still here. */
  get complete(): boolean {
    return this.#pieces !== undefined;
  }

  /** The content from its beginning. The previous reader gets no more content. */
  open(): ContentSource {
    this.#reader?.leave();
    this.#reader = new ReplayedContent(this.#source, this);
    return this.#reader;
  }

  /** Keeps nothing from now on: the request will not be sent again. */
  release(): void {
    this.#pieces = undefined;
  }

  keep(piece: Buffer): void {
    this.#size += piece.length;
    if (this.#size > this.#limit) this.release();
    else this.#pieces?.push(Buffer.from(piece));
  }

  get kept(): readonly Buffer[] {
    return this.#pieces ?? [];
  }
}

/** The content for one attempt: what the buffer has kept, then what still comes. */
class ReplayedContent implements ContentSource, ContentSink {
  /** It passes through here, to be kept. */
  readonly whole = undefined;
  readonly #source: ContentSource;
  readonly #buffer: ReplayBuffer;
  #sink: ContentSink | undefined;
  #flowing = false;

  constructor(source: ContentSource, buffer: ReplayBuffer) {
    this.#source = source;
    this.#buffer = buffer;
  }

  get trailers(): FieldLines {
    return this.#source.trailers;
  }

  flow(sink: ContentSink): void {
    this.#sink = sink;
    if (this.#buffer.kept.length === 0) this.#begin();
    else process.nextTick(this.#begin);
  }

  pause(): void {
    if (this.#flowing) this.#source.pause();
  }

  resume(): void {
    if (this.#flowing) this.#source.resume();
  }

  leave(): void {
    this.#sink = undefined;
    if (this.#flowing) this.#source.leave();
    this.#flowing = false;
  }

  onContent(piece: Buffer): boolean {
    this.#buffer.keep(piece);
    return this.#sink?.onContent(piece) ?? false;
  }

  onEnd(): void {
    this.#sink?.onEnd();
  }

  onLost(reason?: TrailsumError): void {
    this.#sink?.onLost(reason);
  }

  readonly #begin = (): void => {
    if (this.#sink === undefined) return;
    for (const piece of this.#buffer.kept) this.#sink.onContent(piece);
    this.#flowing = true;
    this.#source.flow(this);
  };
}
