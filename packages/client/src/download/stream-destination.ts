import { finished } from "node:stream/promises";

import { TrailsumError } from "@trailsum/shared";
import type { WritableLike } from "@trailsum/shared/streams";

import type { OpenedDestination } from "./opened-destination.ts";

/**
 * Into a Node stream, of Node's own or another class. Not by way of `Writable.toWeb`: that loses the first chunk for a
 * stream that was full when it was given away.
 */
export function intoWritable(writable: WritableLike, signal: AbortSignal | undefined): OpenedDestination {
  if (isOver(writable)) throw new TrailsumError("USAGE", "the destination was ended or destroyed already");
  // Its errors are those of `write` and `commit`, and an error without a listener would end the process.
  let error: unknown;
  writable.on("error", (given: unknown) => {
    error ??= given;
  });
  const failure = (): TrailsumError | undefined =>
    error !== undefined || writable.destroyed === true ? failed(error ?? writable.errored) : undefined;
  return {
    rewritable: false,
    async write(chunk) {
      const before = failure();
      if (before !== undefined) throw before;
      // Not every stream says `true`.
      if (writable.write(chunk) === false) await unlessAborted(drained(writable, failure), signal);
    },
    restart: cannotRestart,
    begin: async () => {},
    async commit() {
      const before = failure();
      if (before !== undefined) throw before;
      const done = finished(writable as unknown as NodeJS.WritableStream, { readable: false });
      writable.end();
      await unlessAborted(done, signal).catch((cause: unknown) => {
        throw failed(cause);
      });
    },
    async discard(reason) {
      writable.destroy?.(reason);
    },
  };
}

function isOver({ destroyed, writableEnded, writable }: WritableLike): boolean {
  return destroyed === true || writableEnded === true || writable === false;
}

/** Into a web stream. */
export function intoWebStream(stream: WritableStream<Uint8Array>, signal: AbortSignal | undefined): OpenedDestination {
  if (stream.locked) throw new TrailsumError("USAGE", "the destination is locked: something else is writing to it");
  const writer = stream.getWriter();
  // Its failures are those of `write` and `commit`.
  writer.closed.catch(() => {});
  writer.ready.catch(() => {});
  const settled = (promise: Promise<void>): Promise<void> =>
    unlessAborted(promise, signal).catch((error: unknown) => {
      throw failed(error);
    });
  return {
    rewritable: false,
    write: (chunk) => settled(writer.write(chunk)),
    restart: cannotRestart,
    begin: async () => {},
    commit: () => settled(writer.close()),
    async discard(error) {
      // Not awaited: a sink that is stuck in a write is aborted only after that write.
      writer.abort(error).catch(() => {});
    },
  };
}

async function cannotRestart(): Promise<never> {
  throw new TrailsumError("INTERNAL", "what was written to a stream cannot be undone");
}

function failed(error: unknown): TrailsumError {
  if (error instanceof TrailsumError) return error;
  // A device or a pipe fails as a file does.
  if (isOutOfSpace(error))
    return new TrailsumError("NO_SPACE", "no space left for what was downloaded", { cause: error });
  const reason = error instanceof Error ? error.message : "it was closed";
  return new TrailsumError("FILE_UNWRITABLE", `cannot write what was downloaded: ${reason}`, { cause: error });
}

/** Whether a write failed because there is no room, on the disk or in the quota. */
export function isOutOfSpace(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
}

function drained(writable: WritableLike, failure: () => TrailsumError | undefined): Promise<void> {
  const events = ["drain", "close", "error"];
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      for (const event of events) writable.removeListener(event, settle);
      const error = failure();
      if (error === undefined) resolve();
      else reject(error);
    };
    for (const event of events) writable.on(event, settle);
    // A write may have failed before it returned.
    if (failure() !== undefined) settle();
  });
}

/** Settles as `promise` does, or rejects when the signal fires, even if the stream never takes more. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new TrailsumError("ABORTED", "cancelled", { cause: signal.reason }));
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
