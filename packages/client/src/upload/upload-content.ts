import {
  type Algorithm,
  createStreamDigester,
  type Digests,
  digestTrailers,
  type FieldLines,
  type StreamDigester,
  TrailsumError,
} from "@trailsum/shared";
import type { Dispatcher } from "undici";

import type { OpenedSource } from "./source/opened-source.ts";
import { pacedContent } from "./paced-content.ts";
import type { ProgressReport } from "../transfer/progress.ts";
import type { RateLimit } from "../transfer/rate-limit.ts";

/** The state of an upload's content. */
export interface Sending {
  /** Whether all of the source was read and handed to the dispatcher. */
  ended: boolean;
  /** Why the source could not be read. */
  error?: TrailsumError | undefined;
  /** Whether the dispatcher asked for the trailers. */
  asked: boolean;
  /** The digests of what was sent, once the trailers were given. */
  sent?: Digests | undefined;
}

/** How content is hashed, and where its progress is reported. */
export interface Hashing {
  readonly algorithms: readonly Algorithm[];
  readonly sending: Sending;
  readonly progress: ProgressReport;
  /** How fast content may leave. */
  readonly limit: RateLimit | undefined;
  readonly signal: AbortSignal | undefined;
  /** How many bytes the server has already: they are hashed and not sent. Default: 0. */
  readonly skip?: number;
}

/** What a dispatcher takes as the content of a request. */
export interface UploadContent {
  readonly body: NonNullable<Dispatcher.DispatchOptions["body"]>;
  readonly trailers: () => FieldLines | Promise<FieldLines>;
  /** Whether all content was passed to the dispatcher. With a known length this is true before the dispatcher asks for more. */
  readonly given: () => boolean;
  /** The digests of the content, after the last byte was sent. */
  readonly digests: () => Promise<Digests>;
  /** Hashes the whole content without sending it. */
  readonly hash: () => Promise<void>;
  /** Whether the body can be sent again. */
  readonly rereadable: boolean;
  /** Stops hashing. */
  close(): void;
}

/** Content that is small: it is hashed beforehand, so that head, content and trailers leave in one write. */
export async function contentAtOnce(
  bytes: Uint8Array,
  { algorithms, sending, progress }: Hashing,
): Promise<UploadContent> {
  const digester = await createStreamDigester(algorithms, bytes.byteLength);
  await digester.update(bytes);
  const digests = await digester.digest();
  const onSent = (): void => {
    if (sending.sent === undefined && digests.size > 0) progress.transferred(digests.size, digests.size);
    sending.ended = true;
    sending.sent = digests;
  };
  return {
    body: bytes,
    trailers: () => {
      sending.asked = true;
      onSent();
      return digestTrailers(digests);
    },
    given: () => true,
    digests: async () => {
      onSent();
      return digests;
    },
    hash: async () => {},
    rereadable: true,
    close() {},
  };
}

/**
 * The bytes of a source, counted and hashed as they leave. Whenever they are iterated, they are read and hashed from the
 * start; those of a source that can be read once can be had once, and a dispatcher that sends a request a second time, as
 * undici's retry interceptor does, would send what is left. With `inTurn` the memory of a piece may be used again: see
 * {@link OpenedSource}.
 */
export function contentInPieces(source: OpenedSource, inTurn: boolean, hashing: Hashing): UploadContent {
  const { algorithms, sending, progress, limit, signal, skip = 0 } = hashing;
  let digester: StreamDigester | undefined;
  let reading = 0;
  async function* bytes(): AsyncGenerator<Uint8Array> {
    reading += 1;
    const turn = reading;
    if (turn > 1 && !source.rereadable)
      throw new TrailsumError("CONNECTION_LOST", "the upload was cut off: to begin it again, set `retries`");
    digester?.close();
    Object.assign(sending, { ended: false, asked: false, error: undefined, sent: undefined });
    const own = await createStreamDigester(algorithms, source.size);
    // Another reading has begun meanwhile.
    if (turn !== reading) return own.close();
    digester = own;
    for await (const chunk of remembered(source.read({ inTurn, shared: own.memory }), sending)) {
      const hashed = own.update(chunk);
      if (hashed !== undefined) await hashed;
      const known = Math.max(0, skip - (own.size - chunk.byteLength));
      if (known < chunk.byteLength) yield* pacedContent(chunk.subarray(known), limit, signal);
      if (own.size <= skip) progress.moved("resuming", own.size, source.size);
      else progress.transferred(own.size, source.size);
    }
    sending.ended = true;
    progress.enter("verifying");
  }
  // A digester gives its digests once.
  const digests = async (): Promise<Digests> => (sending.sent ??= await digester!.digest());
  return {
    body: asBody({ [Symbol.asyncIterator]: bytes }),
    trailers: async () => {
      sending.asked = true;
      return digestTrailers(await digests());
    },
    given: () => sending.ended || (digester !== undefined && digester.size === source.size),
    digests,
    hash: async () => {
      for await (const _piece of bytes());
    },
    rereadable: source.rereadable,
    close: () => digester?.close(),
  };
}

async function* remembered(bytes: AsyncIterable<Uint8Array>, sending: Sending): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes;
  } catch (error) {
    sending.error = TrailsumError.from(error, "FILE_UNREADABLE");
    throw error;
  }
}

// undici's types know streams and buffers only; an async iterable is taken all the same.
function asBody(iterable: AsyncIterable<Uint8Array>): UploadContent["body"] {
  return iterable as unknown as UploadContent["body"];
}
