import type { Writable } from "node:stream";

import { FieldLines, TrailsumError } from "@trailsum/shared";

import { headFault } from "./head-fault.ts";
import { superviseStream, stopBehindAnswer } from "./http2-stream.ts";
import { ChunkOverhead } from "./chunk-overhead.ts";
import { SmallChunks } from "./small-chunks.ts";
import { arrivedWhole, faultOf, isBrokenOff, type NodeRequest, requestTimeout } from "./node-message.ts";

/** Settings of {@link readBody}. */
export interface BodyReading {
  /** The announced size in bytes, if any. */
  readonly announced: number | undefined;
  /** Takes the trailer section as it stood on the wire, before the content is ended. What it throws fails the content. */
  readonly onTrailers: (trailers: FieldLines) => void;
  /** The most bytes of content. */
  readonly maxSize?: number | undefined;
  /** How long to wait for the next byte, in milliseconds; `Infinity` is no limit. */
  readonly idleTimeout: number;
  /** Ends the reading when it fires. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a request's content into `body`, which is ended only when the message arrived whole, and otherwise destroyed
 * with an error. Settles when the trailers are in, or with that error.
 *
 * The request itself is never destroyed, so that an answer can still go out: it is left paused, where reading stopped.
 */
export function readBody(req: NodeRequest, body: Writable, reading: BodyReading): Promise<void> {
  const { announced, maxSize = Number.POSITIVE_INFINITY, idleTimeout, signal, onTrailers } = reading;
  const { promise, resolve, reject } = Promise.withResolvers<void>();

  const chunks = new SmallChunks(write);
  const overhead = new ChunkOverhead();
  let size = 0;
  let draining = false;
  const idle = Number.isFinite(idleTimeout) ? setTimeout(onIdle, idleTimeout) : undefined;

  function onData(chunk: Buffer): void {
    size += chunk.length;
    if (size > maxSize) return fail(tooLarge(maxSize));
    if (overhead.exceededBy(chunk.length)) return fail(tooManySmallChunks());
    idle?.refresh();
    chunks.add(chunk);
  }

  function write(bytes: Buffer): void {
    if (body.write(bytes)) return;
    draining = true;
    req.pause();
  }

  function onDrain(): void {
    draining = false;
    idle?.refresh();
    req.resume();
  }

  function onEnd(): void {
    if (!arrivedWhole(req)) return fail(lost(req));
    try {
      onTrailers(FieldLines.fromRaw(req.rawTrailers));
    } catch (error) {
      return fail(TrailsumError.from(error));
    }
    chunks.flush();
    detach();
    resolve();
    body.end();
  }

  function onLost(): void {
    fail(lost(req));
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
    detach();
    req.pause();
    if ("stream" in req) stopBehindAnswer(req);
    reject(error);
    body.destroy(error);
  }

  function detach(): void {
    clearTimeout(idle);
    signal?.removeEventListener("abort", onSignal);
    body.off("drain", onDrain).off("close", onAbandoned);
    req.off("data", onData).off("end", onEnd).off("aborted", onLost).off("close", onLost);
    // The error listener stays: a request that breaks later must not bring the process down.
  }

  const fault = headFault(req);
  body.on("drain", onDrain).on("close", onAbandoned);
  signal?.addEventListener("abort", onSignal);
  req.on("aborted", onLost).on("error", onLost).on("close", onLost).on("end", onEnd);

  if ("stream" in req) superviseStream(req.stream);

  if (signal?.aborted === true) onSignal();
  else if (announced !== undefined && announced > maxSize) fail(tooLarge(maxSize));
  else if (isBrokenOff(req)) onLost();
  else if (fault !== undefined) fail(fault);
  else if (req.readableEnded) fail(new TrailsumError("USAGE", "the request was read before: verify it first"));
  else req.on("data", onData);
  return promise;
}

/** The error for content that is larger than a server accepts. */
export function tooLarge(maxSize: number): TrailsumError {
  return new TrailsumError("TOO_LARGE", `at most ${maxSize} bytes are accepted here`);
}

function tooManySmallChunks(): TrailsumError {
  return new TrailsumError("PROTOCOL", "the content came in too many chunks of less than 16 bytes: send larger ones");
}

/** Why a request did not arrive whole: malformed, if the parser says so; otherwise a lost connection. */
function lost(req: NodeRequest): TrailsumError {
  const cause = faultOf(req);
  const code = cause !== undefined && "code" in cause ? String(cause.code) : "";
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
    const limit = requestTimeout(req) / 1_000;
    const message = `node:http ended the request after its requestTimeout of ${limit} s: set server.requestTimeout to 0`;
    return new TrailsumError("TIMEOUT", message, { cause });
  }
  // To the parser, the end of the connection within a message is an error, too.
  return code.startsWith("HPE_") && code !== "HPE_INVALID_EOF_STATE"
    ? new TrailsumError("PROTOCOL", "the request is not well-formed HTTP", { cause })
    : new TrailsumError("CONNECTION_LOST", "the request was aborted before its end", { cause });
}
