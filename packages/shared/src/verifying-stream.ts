import { Transform, type TransformCallback } from "node:stream";

import type { Algorithm } from "./algorithms.ts";
import type { Digests } from "./digester.ts";
import { TrailsumError } from "./errors.ts";
import { verdictError } from "./problem.ts";
import { createStreamDigester, type StreamDigester } from "./stream-digester.ts";
import type { Verdict } from "./verdict.ts";

/** Options of {@link createVerifyingStream}. */
export interface VerifyingStreamOptions {
  /** What to compute. */
  readonly algorithms: Iterable<Algorithm>;
  /** How many bytes there will be, where that is known. It decides nothing but where they are hashed. */
  readonly size?: number | undefined;
  /** Called once, when the source has ended and so its trailers are in: decides from what was computed. */
  readonly decide: (computed: Digests) => Verdict;
  /**
   * Whether the last piece is held back until the verdict. It has to be where the next hop knows the length: its last
   * byte is the end then, and comes before any other. Default false.
   */
  readonly withhold?: boolean | undefined;
  /** Whether content with this verdict is accepted. Default: only `verified`. */
  readonly accept?: ((verdict: Verdict) => boolean) | undefined;
}

/**
 * A transform that hands bytes on unchanged and ends only after a good verdict. After a bad one it fails with the error
 * of the verdict, so that its reader never sees an `end` that looks like success.
 */
export interface VerifyingStream extends Transform {
  /** The verdict, good or bad; rejects when the content did not arrive whole. It may be left unobserved. */
  readonly verdict: Promise<Verdict>;
}

/** A {@link VerifyingStream}. Feed it with `pipeline`, so that either end's failure reaches the other. */
export function createVerifyingStream(options: VerifyingStreamOptions): VerifyingStream {
  return new VerifyingTransform(options);
}

// Two of the pieces in which sockets give their bytes, so that the source need not stop for every piece, and one that waits
// for the reader. Paused content holds that much in memory.
const WRITABLE_HIGH_WATER_MARK = 131_072;
const READABLE_HIGH_WATER_MARK = 65_536;

class VerifyingTransform extends Transform implements VerifyingStream {
  readonly verdict: Promise<Verdict>;
  readonly #options: VerifyingStreamOptions;
  readonly #settle: PromiseWithResolvers<Verdict> = Promise.withResolvers();
  #digester: StreamDigester | undefined;
  #judged = false;
  #withheld: Buffer | undefined;

  constructor(options: VerifyingStreamOptions) {
    super({ writableHighWaterMark: WRITABLE_HIGH_WATER_MARK, readableHighWaterMark: READABLE_HIGH_WATER_MARK });
    this.#options = options;
    this.verdict = this.#settle.promise;
    // A failure also destroys the stream, so that the promise may be left unobserved.
    this.verdict.catch(() => {});
  }

  override _construct(ready: (error?: Error) => void): void {
    createStreamDigester(this.#options.algorithms, this.#options.size).then(
      (digester) => {
        this.#digester = digester;
        ready();
      },
      (error: unknown) => ready(TrailsumError.from(error)),
    );
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const taken = this.#digester!.update(chunk);
    if (taken === undefined) return done(null, this.#passing(chunk));
    taken.then(
      () => done(null, this.#passing(chunk)),
      (error: unknown) => done(TrailsumError.from(error)),
    );
  }

  override _flush(done: TransformCallback): void {
    this.#judge().then(
      (error) => done(error, error === null ? this.#withheld : undefined),
      (error: unknown) => done(TrailsumError.from(error)),
    );
  }

  /** What may go on when this piece has come: itself, or the one before it. */
  #passing(chunk: Buffer): Buffer | undefined {
    if (this.#options.withhold !== true || chunk.length === 0) return chunk;
    const before = this.#withheld;
    this.#withheld = chunk;
    return before;
  }

  async #judge(): Promise<TrailsumError | null> {
    const { accept = isVerified, decide } = this.#options;
    const verdict = decide(await this.#digester!.digest());
    this.#judged = true;
    this.#settle.resolve(verdict);
    return accept(verdict) ? null : verdictError(verdict);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#digester?.close();
    if (!this.#judged) this.#settle.reject(error ?? abandoned());
    done(error);
  }
}

function abandoned(): TrailsumError {
  return new TrailsumError("CONNECTION_LOST", "the content was abandoned before its end");
}

function isVerified(verdict: Verdict): boolean {
  return verdict.name === "verified";
}
