import { Readable } from "node:stream";

import { nodeReadable } from "./node-readable.ts";
import { isReadableLike, isWebReadable, type ReadableLike, type WebReadableLike } from "./stream-kinds.ts";

/** What content can be read from, piece by piece. */
export type ContentPieces = ReadableLike | WebReadableLike | AsyncIterable<unknown> | Iterable<unknown>;

/**
 * Reads content once: `next` gives the pieces and fails unless the source ends well, `return` lets go of the source at
 * once, even while it waits for data. A web stream is locked from now on.
 */
export function readContent(source: ContentPieces): AsyncIterator<unknown> | Iterator<unknown> {
  if (isReadableLike(source)) return readNodeStream(nodeReadable(source));
  if (isWebReadable(source)) return readWebStream(source);
  return Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
}

/** Content as a stream of Node's own. It fails unless the source ends well, and lets go of the source in every case. */
export function contentStream(source: ContentPieces): Readable {
  if (isReadableLike(source)) return nodeReadable(source);
  return Readable.from(isWebReadable(source) ? { [Symbol.asyncIterator]: () => readWebStream(source) } : source);
}

function readNodeStream(stream: Readable): AsyncIterator<unknown> {
  const pieces = stream[Symbol.asyncIterator]();
  return {
    next: () => pieces.next(),
    async return() {
      // Its own `return` would wait for the next piece.
      stream.on("error", () => {}).destroy();
      return { done: true, value: undefined };
    },
  };
}

/** By its reader, which web streams of every realm and age have. */
function readWebStream(stream: WebReadableLike): AsyncIterator<unknown> {
  const reader = stream.getReader();
  return {
    async next() {
      const { done, value } = await reader.read();
      return done ? { done, value: undefined } : { done, value };
    },
    async return() {
      // Not awaited: how long a source takes to stop is its own affair.
      reader.cancel().catch(() => {});
      reader.releaseLock();
      return { done: true, value: undefined };
    },
  };
}
