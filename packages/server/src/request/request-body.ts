import type { Writable } from "node:stream";

import type { ContentSink, ContentSource } from "@trailsum/http/inbound";
import { FieldLines, TrailsumError } from "@trailsum/shared";

import { ChunkOverhead } from "./chunk-overhead.ts";
import type { RequestHead } from "./request-head.ts";
import { SmallChunks } from "./small-chunks.ts";

/** A request whose content is to be read. */
export interface ReceivedMessage {
  readonly head: RequestHead;
  /** Nothing where the request has none. */
  readonly content: ContentSource | undefined;
  /** What makes the request invalid, where it is. */
  readonly fault?: TrailsumError | undefined;
}

/** Settings of {@link readBody}. */
export interface BodyReading {
  /** Receives the trailer section as received, before the content ends. An error that it throws fails the content. */
  readonly onTrailers: (trailers: FieldLines) => void;
  /** The most bytes of content. */
  readonly maxSize?: number | undefined;
  /** How long to wait for the next byte, in milliseconds; `Infinity` means no limit. */
  readonly idleTimeout: number;
  /** Ends the reading when it fires. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether content that does not arrive whole is kept: `body` is given all that came, and is ended.
   * @default false
   */
  readonly keepsPart?: boolean | undefined;
}

/**
 * Reads a request's content into `body`, which is ended only when the message arrived whole, and otherwise destroyed
 * with an error. Settles when the trailers are in, or with that error.
 *
 * With `keepsPart` it is ended in every case.
 *
 * The request itself is never given up, so that an answer can still go out: it is held back where reading stopped.
 */
export function readBody(
  { head, content, fault }: ReceivedMessage,
  body: Writable,
  { maxSize = Number.POSITIVE_INFINITY, idleTimeout, signal, onTrailers, keepsPart = false }: BodyReading,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();

  const chunks = new SmallChunks(write);
  const overhead = new ChunkOverhead();
  let size = 0;
  let draining = false;
  let settled = false;
  const idle = Number.isFinite(idleTimeout) ? setTimeout(onIdle, idleTimeout) : undefined;

  const sink: ContentSink = {
    onContent(piece) {
      if (settled) return false;
      size += piece.length;
      if (size > maxSize) fail(tooLarge(maxSize));
      else if (overhead.exceededBy(piece.length)) fail(tooManySmallChunks());
      else {
        idle?.refresh();
        chunks.add(piece);
      }
      return !settled && !draining;
    },
    onEnd,
    onLost: (reason) => fail(reason ?? new TrailsumError("CONNECTION_LOST", "the request was aborted before its end")),
  };

  function write(bytes: Buffer): void {
    if (settled || body.write(bytes)) return;
    draining = true;
    content?.pause();
  }

  function onDrain(): void {
    draining = false;
    idle?.refresh();
    content?.resume();
  }

  function onEnd(): void {
    if (settled) return;
    try {
      onTrailers(content?.trailers ?? FieldLines.empty);
    } catch (error) {
      return fail(TrailsumError.from(error));
    }
    chunks.flush();
    detach();
    resolve();
    body.end();
  }

  function onIdle(): void {
    // The sender is not at fault while the reader of the body holds it up.
    if (draining) idle?.refresh();
    else fail(new TrailsumError("TIMEOUT", `no byte of the content came for ${idleTimeout / 1000} s`));
  }

  function onSignal(): void {
    fail(new TrailsumError("ABORTED", "the reading of the request was cancelled", { cause: signal?.reason }));
  }

  function onAbandoned(): void {
    fail(new TrailsumError("ABORTED", "the content was abandoned before its end"));
  }

  function fail(error: TrailsumError): void {
    if (settled) return;
    if (keepsPart) chunks.flush();
    detach();
    content?.leave();
    reject(error);
    if (keepsPart) body.end();
    else body.destroy(error);
  }

  function detach(): void {
    settled = true;
    clearTimeout(idle);
    signal?.removeEventListener("abort", onSignal);
    body.off("drain", onDrain).off("close", onAbandoned);
  }

  body.on("drain", onDrain).on("close", onAbandoned);
  signal?.addEventListener("abort", onSignal);

  if (signal?.aborted === true) onSignal();
  else if (head.size !== undefined && head.size > maxSize) fail(tooLarge(maxSize));
  else if (fault !== undefined) fail(fault);
  else if (content === undefined) process.nextTick(onEnd);
  else content.flow(sink);
  return promise;
}

/** The error for content that is larger than a server accepts. */
export function tooLarge(maxSize: number): TrailsumError {
  return new TrailsumError("TOO_LARGE", `at most ${maxSize} bytes are accepted here`);
}

function tooManySmallChunks(): TrailsumError {
  return new TrailsumError("PROTOCOL", "the content came in too many chunks of less than 16 bytes: send larger ones");
}
