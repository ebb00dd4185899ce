import { TrailsumError } from "@trailsum/shared";
import {
  chunkBytes,
  type ContentPieces,
  isReadableLike,
  isSpent,
  isWebReadable,
  nodeReadable,
  readContent,
  type ReadableLike,
} from "@trailsum/shared/streams";

import type { OpenedSource } from "./opened-source.ts";

/** A stream or an iterable: it is read once, and always released when the upload ends, started or not. */
export function readOnce(source: ContentPieces): OpenedSource {
  if (isReadableLike(source)) return fromStream(source);
  if (isWebReadable(source) && source.locked)
    throw new TrailsumError("USAGE", "the stream is locked: something else is reading it");
  return fromIterator(readContent(source));
}

function fromStream(source: ReadableLike): OpenedSource {
  // What was read before must not be sent as if it were empty.
  if (isSpent(source) && !source.errored) throw consumed();
  const stream = nodeReadable(source);
  // It may fail before it is read, and an error without a listener ends the process. Reading it meets the error.
  stream.on("error", () => {});
  return {
    size: undefined,
    rereadable: false,
    read: () => bytesOf(stream),
    async close() {
      stream.destroy();
    },
  };
}

function fromIterator(iterator: AsyncIterator<unknown> | Iterator<unknown>): OpenedSource {
  let ended = false;
  async function* chunks(): AsyncGenerator {
    for (;;) {
      const next = await iterator.next();
      if (next.done === true) break;
      yield next.value;
    }
    ended = true;
  }
  return {
    size: undefined,
    rereadable: false,
    read: () => bytesOf(chunks()),
    async close() {
      // Not awaited: a generator that waits for something returns when that has come.
      if (!ended) returnIterator(iterator).catch(() => {});
    },
  };
}

async function returnIterator(iterator: AsyncIterator<unknown> | Iterator<unknown>): Promise<void> {
  await iterator.return?.();
}

/** What streams and iterables give, as bytes; strings are UTF-8. */
export async function* bytesOf(source: AsyncIterable<unknown> | Iterable<unknown>): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    const bytes = chunkBytes(chunk);
    if (bytes === undefined)
      throw new TrailsumError("USAGE", "the source gave a chunk that is neither bytes nor a string");
    yield bytes;
  }
}

function consumed(): TrailsumError {
  return new TrailsumError("USAGE", "the stream was read or destroyed before: there is nothing left to send");
}
