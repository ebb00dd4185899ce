import { Duplex } from "node:stream";

import { ErrorCode, type ServerStream } from "@trailsum/http/http2";
import { TrailsumError } from "@trailsum/shared";

import type { ContentSink, ContentSource } from "../inbound-content.ts";

const NOTHING = Buffer.alloc(0);

type Done = (error?: Error | null) => void;

/**
 * The octets of a tunnel through a stream of HTTP/2 (RFC 8441 section 5): END_STREAM is the end of a direction. A reset destroys it, and
 * destroying it before both ends resets the stream with CANCEL.
 */
export class Http2Tunnel extends Duplex implements ContentSink {
  readonly #stream: ServerStream;
  readonly #source: ContentSource;
  #begun = false;
  /** What the client's window does not allow yet. */
  #unsent: { readonly rest: Buffer; readonly done: Done } | undefined;

  /** `source` gives what the client sends. */
  constructor(stream: ServerStream, source: ContentSource) {
    super();
    this.#stream = stream;
    this.#source = source;
  }

  override _read(): void {
    if (this.#begun) this.#source.resume();
    else this.#source.flow(this);
    this.#begun = true;
  }

  override _write(piece: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#send(piece, done);
  }

  override _final(done: Done): void {
    this.#stream.send(NOTHING, true);
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#source.leave();
    // Nothing happens where both directions have ended.
    this.#stream.reset(ErrorCode.CANCEL);
    done(error);
  }

  /** The client takes more. */
  resumeSending(): void {
    const unsent = this.#unsent;
    this.#unsent = undefined;
    if (unsent !== undefined) this.#send(unsent.rest, unsent.done);
  }

  onContent(piece: Buffer): boolean {
    return this.push(piece);
  }

  onEnd(): void {
    this.push(null);
  }

  onLost(): void {
    this.destroy(new TrailsumError("CONNECTION_LOST", "the client broke the tunnel off"));
  }

  #send(piece: Buffer, done: Done): void {
    const taken = this.#stream.send(piece);
    if (taken === piece.length) done();
    else this.#unsent = { rest: piece.subarray(taken), done };
  }
}
