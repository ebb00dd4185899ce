import { Readable } from "node:stream";

import { setImmediate } from "./event-loop.ts";
import type { ReadableLike } from "./stream-kinds.ts";

/** What readable streams keep of their state, in Node and in readable-stream. */
interface ReadableState {
  readonly emitClose?: boolean;
  readonly endEmitted?: boolean;
}

/**
 * A stream as a `Readable` of Node's own: itself where it is one, otherwise one that reads from it, fails when it fails
 * or closes without `end`, and destroys it in every case. Old streams are asked to pause, and may give more all the same.
 */
export function nodeReadable(stream: ReadableLike): Readable {
  // A Node stream that does not emit `close` has to be watched too, and one may have had its `destroy` taken away.
  const whole = stateOf(stream)?.emitClose === true && typeof stream.destroy === "function";
  return stream instanceof Readable && whole ? stream : new ForeignReadable(stream);
}

/** Whether a stream has ended or was destroyed. */
export function isSpent(stream: ReadableLike): boolean {
  const { destroyed, closed, readableEnded, readable } = stream;
  return destroyed === true || closed === true || readableEnded === true || readable === false || hasEnded(stream);
}

/**
 * Whether a stream that is at its `end` came to it whole. readable-stream 2 and the streams of node:http2 emit `end`
 * when they are destroyed or reset, too.
 */
export function isWhole(stream: ReadableLike & { readonly stream?: unknown }): boolean {
  if (stream.destroyed === true || stream.closed === true || stream.aborted === true) return false;
  // The request of node:http2's compatibility API leaves it to its stream to say that it was closed.
  return !isClosedHttp2Stream(stream.stream);
}

/** How many chunks are buffered ahead of the reader. */
const CHUNKS_AHEAD = 4;

class ForeignReadable extends Readable {
  readonly #source: ReadableLike;
  #state: "reading" | "ended" | "failed" = "reading";

  constructor(source: ReadableLike) {
    super({ objectMode: true, highWaterMark: CHUNKS_AHEAD });
    this.#source = source;
    // First, because another listener may destroy the stream on `end`, which would look like an early close.
    if (source.prependListener === undefined) source.on("end", this.#onEnd);
    else source.prependListener("end", this.#onEnd);
    source.on("error", this.#onError);
    for (const event of ["close", "aborted"]) source.on(event, this.#onCut);
    if (stateOf(source)?.emitClose === false) this.#watchDestroy();
    // At once: an old stream gives what it has whether or not it was asked.
    source.on("data", this.#onData);
    // It would emit nothing any more.
    if (isSpent(source)) this.#onCut();
  }

  override _read(): void {
    this.#source.resume?.();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // A duplex whose readable side has ended may still be written to.
    const open = this.#state === "ended" && this.#source.writable === true;
    if (this.#state === "reading") this.#state = "failed";
    if (!open) this.#source.destroy?.(error ?? undefined);
    done(error);
  }

  readonly #onData = (chunk: unknown): void => {
    if (this.#state !== "reading") return;
    if (chunk === null || chunk === undefined) this.destroy(new TypeError("the stream gave a chunk without content"));
    else if (!this.push(chunk)) this.#source.pause?.();
  };

  readonly #onEnd = (): void => {
    if (this.#state !== "reading") return;
    if (!isWhole(this.#source)) {
      // Its error, if it has one, comes after that.
      setImmediate(this.#onCut);
      return;
    }
    this.#state = "ended";
    this.push(null);
  };

  // It stays, so that an error that comes late does not end the process.
  readonly #onError = (error: unknown): void => {
    if (this.#state === "reading") this.destroy(error instanceof Error ? error : new Error(String(error)));
  };

  readonly #onCut = (): void => {
    if (this.#state === "reading") this.destroy(this.#source.errored ?? prematureClose());
  };

  /** A stream made with `emitClose: false` says nothing when it is destroyed without an error. */
  #watchDestroy(): void {
    const source = this.#source;
    const destroy = source.destroy?.bind(source);
    if (destroy === undefined) return;
    source.destroy = (error) => {
      setImmediate(this.#onCut);
      return destroy(error);
    };
  }
}

/** The error of a stream that closed before its end, with Node's own code. */
function prematureClose(): Error {
  return Object.assign(new Error("Premature close"), { code: "ERR_STREAM_PREMATURE_CLOSE" });
}

function hasEnded(stream: ReadableLike): boolean {
  return stateOf(stream)?.endEmitted === true;
}

function stateOf(stream: ReadableLike): ReadableState | undefined {
  return (stream as { readonly _readableState?: ReadableState })._readableState;
}

function isClosedHttp2Stream(stream: unknown): boolean {
  if (typeof stream !== "object" || stream === null) return false;
  return "rstCode" in stream && "closed" in stream && stream.closed === true;
}
