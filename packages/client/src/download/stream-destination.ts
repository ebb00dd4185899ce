import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";

import { TrailsumError } from "@trailsum/shared";

import type { OpenedDestination } from "./opened-destination.ts";

/**
 * Into a Node stream. Not by way of `Writable.toWeb`: that loses the first chunk for a stream that was full when it was
 * given away.
 */
export function intoWritable(writable: Writable, signal: AbortSignal | undefined): OpenedDestination {
  if (writable.destroyed || writable.writableEnded) {
    throw new TrailsumError("USAGE", "the destination was ended or destroyed already");
  }
  // Its errors are those of `write` and `commit`, and one that nobody listens for would end the process.
  writable.on("error", () => {});
  return {
    rewritable: false,
    async write(chunk) {
      if (writable.destroyed) throw failed(writable.errored);
      if (!writable.write(chunk)) await unlessAborted(drained(writable), signal);
    },
    restart: cannotRestart,
    async commit() {
      writable.end();
      await unlessAborted(finished(writable, { readable: false }), signal).catch((error: unknown) => {
        throw failed(error);
      });
    },
    async discard(error) {
      writable.destroy(error);
    },
  };
}

/** Into a web stream. */
export function intoWebStream(stream: WritableStream<Uint8Array>, signal: AbortSignal | undefined): OpenedDestination {
  if (stream.locked)
    throw new TrailsumError("USAGE", "the destination is being written by somebody else: it is locked");
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
    commit: () => settled(writer.close()),
    async discard(error) {
      // Not awaited: a sink that is stuck in a write hears of it only when that is over.
      writer.abort(error).catch(() => {});
    },
  };
}

async function cannotRestart(): Promise<never> {
  throw new TrailsumError("INTERNAL", "what a stream was given cannot be taken back");
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

function drained(writable: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      writable.off("drain", settle).off("close", settle);
      if (writable.destroyed) reject(failed(writable.errored));
      else resolve();
    };
    writable.on("drain", settle).on("close", settle);
    if (writable.destroyed) settle();
  });
}

/** As `promise`, but a stream that never takes more does not hold up who wants to stop. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new TrailsumError("ABORTED", "cancelled", { cause: signal.reason }));
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
