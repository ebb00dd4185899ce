import { type StreamDigester, TrailsumError } from "@trailsum/shared";

import type { OpenedSource } from "./opened-source.ts";
import type { Progress } from "./progress.ts";

/** How far the reading of a source has come. */
export interface Reading {
  /** Whether all of it was read, and taken. */
  ended: boolean;
  /** Why it could not be read on. */
  error?: TrailsumError;
}

/** The bytes of a source, counted and hashed as they leave. What goes wrong with it is kept in `reading`. */
export async function* hashed(
  source: OpenedSource,
  digester: StreamDigester,
  reading: Reading,
  onProgress: ((progress: Progress) => void) | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of remembered(source.read(), reading)) {
    const hashing = digester.update(chunk);
    if (hashing !== undefined) await hashing;
    yield chunk;
    onProgress?.({ transferred: digester.size, total: source.size });
  }
  reading.ended = true;
}

async function* remembered(bytes: AsyncIterable<Uint8Array>, reading: Reading): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes;
  } catch (error) {
    reading.error = TrailsumError.from(error, "FILE_UNREADABLE");
    throw error;
  }
}
