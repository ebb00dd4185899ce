import type { ContentSink, ContentSource } from "@trailsum/http/inbound";
import { type FieldLines, TrailsumError } from "@trailsum/shared";

import { AwsChunkedDecoder, type AwsChunkedOptions } from "./aws-chunked-decoder.ts";

/** The content of a request without its `aws-chunked` framing. Its trailers are those within the content. */
export class AwsChunkedContent implements ContentSource {
  readonly whole = undefined;
  readonly #source: ContentSource;
  readonly #decoder: AwsChunkedDecoder;
  #sink: ContentSink | undefined;
  #more = true;

  constructor(source: ContentSource, options: Omit<AwsChunkedOptions, "onData">) {
    this.#source = source;
    this.#decoder = new AwsChunkedDecoder({
      ...options,
      onData: (bytes) => {
        if (this.#sink?.onContent(bytes) === false) this.#more = false;
      },
    });
  }

  get trailers(): FieldLines {
    return this.#decoder.trailers;
  }

  flow(sink: ContentSink): void {
    this.#sink = sink;
    this.#source.flow({
      onContent: (piece) => {
        this.#more = true;
        this.#attempt(() => this.#decoder.decode(piece));
        return this.#more && this.#sink !== undefined;
      },
      onEnd: () => {
        if (this.#attempt(() => this.#decoder.end())) this.#sink?.onEnd();
      },
      onLost: (reason) => this.#sink?.onLost(reason),
    });
  }

  pause(): void {
    this.#source.pause();
  }

  resume(): void {
    this.#source.resume();
  }

  leave(): void {
    this.#sink = undefined;
    this.#source.leave();
  }

  /** Returns whether the decoder accepts what it was given. */
  #attempt(decode: () => void): boolean {
    try {
      decode();
      return true;
    } catch (error) {
      const sink = this.#sink;
      this.leave();
      sink?.onLost(TrailsumError.from(error));
      return false;
    }
  }
}
