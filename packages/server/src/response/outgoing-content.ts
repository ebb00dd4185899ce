import { Transform, type TransformCallback } from "node:stream";

import { type Digester, type Digests, TrailsumError } from "@trailsum/shared";

/** What the content is expected to be. */
export interface ExpectedContent {
  readonly size: number | undefined;
  readonly digests: Digests | undefined;
}

/** Observes the outcome of the content. */
export interface OutgoingListener {
  /** It is what it should be. Called before its last chunk leaves. */
  onWhole(digests: Digests): void;
  /** It will not be complete, for any reason. Called before the response is closed. */
  onBroken(error: Error): void;
}

/**
 * Hashes content that is sent and holds one chunk back: the last chunk leaves only after the whole has been compared with
 * what was expected, because with Content-Length framing the last byte is already the end.
 */
export class OutgoingContent extends Transform {
  readonly #digester: Digester;
  readonly #expected: ExpectedContent;
  readonly #listener: OutgoingListener;
  #held: Buffer | undefined;

  constructor(digester: Digester, expected: ExpectedContent, listener: OutgoingListener) {
    super();
    this.#digester = digester;
    this.#expected = expected;
    this.#listener = listener;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    // An empty chunk must not replace the chunk that is held back.
    if (chunk.length === 0) return done();
    this.#digester.update(chunk);
    const { size } = this.#expected;
    if (size !== undefined && this.#digester.size > size) return done(differs(`there are more than ${size} bytes`));
    const held = this.#held;
    this.#held = chunk;
    done(null, held);
  }

  override _flush(done: TransformCallback): void {
    try {
      const computed = this.#digester.digest();
      compare(computed, this.#expected);
      this.#listener.onWhole(computed);
      done(null, this.#held);
    } catch (error) {
      done(TrailsumError.from(error));
    }
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (error !== null) this.#listener.onBroken(error);
    done(error);
  }
}

function compare(computed: Digests, { size, digests }: ExpectedContent): void {
  if (size !== undefined && computed.size !== size) {
    throw differs(`there are ${computed.size} bytes in place of ${size}`);
  }
  for (const [algorithm, digest] of digests?.values ?? []) {
    if (computed.values.get(algorithm)?.equals(digest) === false) throw differs(`its ${algorithm} does not match`);
  }
}

function differs(how: string): TrailsumError {
  return new TrailsumError("STORED_BYTES_DIFFER", `the content is not what it should be: ${how}`);
}
