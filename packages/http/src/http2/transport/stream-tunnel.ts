import { Duplex } from "node:stream";

import { ErrorCode } from "../error-code.ts";
import type { Http2Stream } from "../session/stream.ts";
import { HeldContent } from "./held-content.ts";

const NOTHING = Buffer.alloc(0);

type Done = (error?: Error | null) => void;

/**
 * The octets of a tunnel through a stream (RFC 9113 section 8.5, RFC 8441 section 5): END_STREAM is the end of a direction. A reset destroys
 * it, and destroying it before both ends resets the stream with CANCEL. Its owner passes on what the stream's handler is called for.
 */
export class StreamTunnel extends Duplex {
  readonly #stream: Http2Stream;
  /** What was received and is not wanted yet. It counts as not consumed. */
  readonly #held = new HeldContent();
  /** Whether the reader takes more. */
  #flowing = false;
  #ended = false;
  /** What the peer's window does not allow yet. */
  #unsent: { readonly rest: Buffer; readonly done: Done } | undefined;

  constructor(stream: Http2Stream) {
    super();
    this.#stream = stream;
  }

  /** Implements `Duplex`: the reader wants more. */
  override _read(): void {
    this.#flowing = true;
    while (this.#flowing && !this.#held.isEmpty) this.#give(this.#held.shift()!);
    if (this.#ended && this.#held.isEmpty) this.push(null);
  }

  /** Implements `Duplex`: sends a piece. */
  override _write(piece: Buffer, _encoding: BufferEncoding, done: Done): void {
    const taken = this.#stream.send(piece);
    if (taken === piece.length) done();
    else this.#unsent = { rest: piece.subarray(taken), done };
  }

  /** Implements `Duplex`: ends the direction to the peer. */
  override _final(done: Done): void {
    this.#stream.send(NOTHING, true);
    done();
  }

  /** Implements `Duplex`: resets the stream unless it has ended. */
  override _destroy(error: Error | null, done: Done): void {
    this.#held.clear();
    // Nothing happens where both directions have ended.
    this.#stream.reset(ErrorCode.CANCEL);
    done(error);
  }

  // The stream's side.

  /** Content has come, and with `endStream` the end of the direction. */
  receive(piece: Buffer, endStream: boolean): void {
    if (!this.#flowing || !this.#held.isEmpty) this.#held.push(piece);
    else if (piece.length > 0) this.#give(piece);
    if (endStream) this.receiveEnd();
  }

  /** The peer has ended its direction. */
  receiveEnd(): void {
    this.#ended = true;
    if (this.#held.isEmpty) this.push(null);
  }

  /** The peer takes more. */
  resumeSending(): void {
    const unsent = this.#unsent;
    this.#unsent = undefined;
    if (unsent !== undefined) this._write(unsent.rest, "binary", unsent.done);
  }

  #give(piece: Buffer): void {
    this.#stream.consume(piece.length);
    this.#flowing = this.push(piece);
  }
}
