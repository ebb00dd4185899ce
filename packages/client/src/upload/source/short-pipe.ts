import { setTimeout as sleep } from "node:timers/promises";

import { MAX_WHOLE, type OpenedSource } from "./opened-source.ts";

/** How long a pipe may take to end before it is sent as one that does not. Milliseconds. */
const PATIENCE = 1_000;

/**
 * Reads the beginning of a source that can be read once. One that ends within 64 KiB, and soon, is in memory then: it can be
 * read again, and its digests are known beforehand. Another gives what was read first, and then the rest.
 */
export async function shortPipe(source: OpenedSource, signal: AbortSignal | undefined): Promise<OpenedSource> {
  const pieces: Uint8Array[] = [];
  const rest = source.read({ inTurn: false })[Symbol.asyncIterator]();
  const waited = new AbortController();
  const stopped = signal === undefined ? waited.signal : AbortSignal.any([waited.signal, signal]);
  const patience = sleep(PATIENCE, undefined, { signal: stopped }).catch(() => undefined);
  let size = 0;
  try {
    for (;;) {
      const next = rest.next();
      // What fails here fails where the source is read.
      next.catch(() => {});
      const piece = await Promise.race([next, patience]).catch(() => undefined);
      if (piece?.done === true) return { ...source, ...inMemory(Buffer.concat(pieces)) };
      if (piece !== undefined) {
        // The source may reuse the memory of its pieces.
        pieces.push(Uint8Array.from(piece.value));
        size += piece.value.byteLength;
      }
      if (piece === undefined) return { ...source, read: () => begun(pieces, rest, next) };
      if (size > MAX_WHOLE) return { ...source, read: () => begun(pieces, rest) };
    }
  } finally {
    waited.abort();
  }
}

function inMemory(whole: Uint8Array): Pick<OpenedSource, "size" | "rereadable" | "whole" | "read"> {
  return {
    size: whole.byteLength,
    rereadable: true,
    whole,
    read: async function* bytes() {
      yield whole;
    },
  };
}

/** What was read, the piece that is awaited, and the rest. */
async function* begun(
  pieces: Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
  next?: Promise<IteratorResult<Uint8Array>>,
): AsyncGenerator<Uint8Array> {
  try {
    for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) yield piece;
    for (let piece = await (next ?? rest.next()); piece.done !== true; piece = await rest.next()) yield piece.value;
  } finally {
    // Not awaited: a piece that is awaited may never come, and closing the source releases it.
    rest.return?.().catch(() => {});
  }
}
