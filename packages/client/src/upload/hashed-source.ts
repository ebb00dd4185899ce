import { type StreamDigester, TrailsumError } from "@trailsum/shared";

import type { OpenedSource } from "./opened-source.ts";
import type { Progress } from "../transfer/progress.ts";

/** How far the reading of a source has come. */
export interface Reading {
  /** Whether all of it was read, and taken. */
  ended: boolean;
  /** Why it could not be read on. */
  error?: TrailsumError;
}

/** With what the bytes of a source are hashed, and who is told. */
export interface Hashing {
  readonly digester: StreamDigester;
  readonly reading: Reading;
  readonly onProgress: ((progress: Progress) => void) | undefined;
  /** Whether the memory of a piece may be used again: see {@link OpenedSource}. */
  readonly inTurn: boolean;
}

/**
 * The bytes of a source, counted and hashed as they leave. What goes wrong with it is kept in `reading`. They can be had
 * once: a dispatcher that sends a request a second time, as undici's retry interceptor does, would send what is left.
 */
export function hashed(
  source: OpenedSource,
  { digester, reading, onProgress, inTurn }: Hashing,
): AsyncIterable<Uint8Array> {
  let begun = false;
  async function* bytes(): AsyncGenerator<Uint8Array> {
    if (begun) throw new TrailsumError("CONNECTION_LOST", "the upload was cut off: to begin it again, set `retries`");
    begun = true;
    for await (const chunk of remembered(source.read(inTurn), reading)) {
      const hashing = digester.update(chunk);
      if (hashing !== undefined) await hashing;
      yield chunk;
      onProgress?.({ transferred: digester.size, total: source.size });
    }
    reading.ended = true;
  }
  return { [Symbol.asyncIterator]: bytes };
}

async function* remembered(bytes: AsyncIterable<Uint8Array>, reading: Reading): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes;
  } catch (error) {
    reading.error = TrailsumError.from(error, "FILE_UNREADABLE");
    throw error;
  }
}
