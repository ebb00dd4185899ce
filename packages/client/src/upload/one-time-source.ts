import { isErrored, isReadable, Readable } from "node:stream";
import { isUint8Array } from "node:util/types";

import { TrailsumError } from "@trailsum/shared";

import type { OpenedSource } from "./opened-source.ts";

/** A stream or an iterable: it is read once, and let go of however the upload ends, begun or not. */
export function readOnce(source: Readable | ReadableStream | AsyncIterable<unknown> | Iterable<unknown>): OpenedSource {
  if (source instanceof Readable) return fromNodeStream(source);
  if (source instanceof ReadableStream) return fromWebStream(source);
  return fromIterator(Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]());
}

function fromNodeStream(source: Readable): OpenedSource {
  // What was read by somebody else must not be sent as if it were empty.
  if (Readable.isDisturbed(source) && !isReadable(source) && !isErrored(source)) throw consumed();
  // It may fail before anybody reads it, and an error that nobody listens for ends the process. Who reads it meets it.
  source.on("error", () => {});
  return {
    size: undefined,
    rereadable: false,
    read: () => bytesOf(source),
    async close() {
      source.destroy();
    },
  };
}

function fromWebStream(source: ReadableStream): OpenedSource {
  if (source.locked) throw new TrailsumError("USAGE", "the stream is being read by somebody else: it is locked");
  const reader: ReadableStreamDefaultReader<unknown> = source.getReader();
  async function* chunks(): AsyncGenerator {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  }
  return {
    size: undefined,
    rereadable: false,
    read: () => bytesOf(chunks()),
    async close() {
      // Not awaited: how long a source takes to stop is its own affair.
      reader.cancel().catch(() => {});
      reader.releaseLock();
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
    if (typeof chunk === "string") yield Buffer.from(chunk);
    else yield viewOf(chunk);
  }
}

function viewOf(chunk: unknown): Uint8Array {
  if (isUint8Array(chunk)) return chunk;
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  throw new TrailsumError("USAGE", "the source gave something that is neither bytes nor a string");
}

function consumed(): TrailsumError {
  return new TrailsumError("USAGE", "the stream was read or destroyed already: there is nothing left to send");
}
