import type { RateLimit } from "../transfer/rate-limit.ts";

/** How long a single piece may take at the limit, so that content flows steadily. Milliseconds. */
const LONGEST_PIECE = 250;
const SMALLEST_PIECE = 1_024;

/** The bytes of a piece of content as they may leave at a rate limit; at once without one. */
export async function* pacedContent(
  chunk: Uint8Array,
  limit: RateLimit | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  if (limit === undefined) {
    yield chunk;
    return;
  }
  const largest = Math.max(SMALLEST_PIECE, Math.floor((limit.bytesPerSecond * LONGEST_PIECE) / 1_000));
  for (let at = 0; at < chunk.byteLength; at += largest) {
    const piece = chunk.subarray(at, at + largest);
    await limit.take(piece.byteLength, signal);
    yield piece;
  }
}
