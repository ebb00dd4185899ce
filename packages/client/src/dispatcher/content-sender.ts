import type { Readable } from "node:stream";

import { chunkBytes, isWhole } from "@trailsum/shared/streams";
import { errors } from "undici";

import type { OutgoingRequest } from "./outgoing-request.ts";
import { trailerSection } from "./request-trailers.ts";

/** Where the content of a request goes. */
export interface ContentSink {
  /** Takes one piece; whether it takes more at once. Where it does not, `ContentSender.drained` is to follow. */
  write(bytes: Uint8Array): boolean;
  /** More waits until it takes more. */
  blocked(): void;
  /** The content has ended, and these are the trailers: name, value, name, value, ... */
  end(trailers: readonly string[]): void;
  /** The content or the trailers failed: what has been written must not look complete. */
  fail(error: Error): void;
}

const NO_FIELDS: string[] = [];

/** A body in memory goes out in pieces of this size, so that it can be stopped, and its progress seen, on the way. */
const PIECE = 1_048_576;

/**
 * `waiting`: nothing has been taken. `sending`: the content is being read. `ended`: it has been read, and the trailers follow or have
 * followed. `stopped`: nothing more is taken.
 */
type SenderState = "waiting" | "sending" | "ended" | "stopped";

/**
 * Reads the content of a request from any kind of body, only as fast as its sink takes it, and then the trailers. A body
 * of another length than it was said to have is an error.
 */
export class ContentSender {
  readonly #request: OutgoingRequest;
  readonly #sink: ContentSink;
  /** Bytes handed over so far. */
  #sent = 0;
  #state: SenderState = "waiting";
  #unblock: (() => void) | undefined;
  #dropSource: (() => void) | undefined;

  constructor(request: OutgoingRequest, sink: ContentSink) {
    this.#request = request;
    this.#sink = sink;
  }

  /** Whether nothing has been taken yet. */
  get waiting(): boolean {
    return this.#state === "waiting";
  }

  /** Whether the content sent so far is recognizably incomplete: no length marks its end, or it is shorter. */
  get unfinished(): boolean {
    return this.#sent < (this.#request.length ?? Number.POSITIVE_INFINITY);
  }

  /** Begins, unless it has begun or was stopped. What is in memory and small is written before this returns. */
  start(): void {
    if (this.#state !== "waiting") return;
    this.#state = "sending";
    const { body } = this.#request;
    if (body.kind === "none") this.#end();
    else if (body.kind === "bytes" && body.bytes.byteLength > PIECE) void this.#sendPieces(() => pieces(body.bytes));
    else if (body.kind === "bytes") {
      if (body.bytes.byteLength > 0) this.#write(body.bytes);
      this.#end();
    } else if (body.kind === "stream") this.#sendStream(body.stream);
    else void this.#sendPieces(body.read);
  }

  /** The sink takes more again. */
  drained(): void {
    const unblock = this.#unblock;
    this.#unblock = undefined;
    unblock?.();
  }

  /** Takes nothing more, and lets go of the content: it is not wanted any more, or the exchange has failed. */
  stop(error?: Error): void {
    if (this.#isStopped) return;
    const ended = this.#state === "ended";
    this.#state = "stopped";
    this.#unblock = undefined;
    const { body } = this.#request;
    if (body.kind === "stream" && !ended) {
      // The exchange's own listener is gone by now: an error must not crash the process.
      body.stream.on("error", ignore);
      body.stream.destroy(error);
    }
    this.#dropSource?.();
  }

  get #isStopped(): boolean {
    return this.#state === "stopped";
  }

  /** Hands one piece over; whether more is taken at once. */
  #write(bytes: Uint8Array): boolean {
    if (this.#sent + bytes.byteLength > (this.#request.length ?? Number.POSITIVE_INFINITY)) {
      this.#fail(new errors.RequestContentLengthMismatchError());
      return false;
    }
    this.#sent += bytes.byteLength;
    return this.#sink.write(bytes);
  }

  /** Waits until the sink takes more, then continues. */
  #wait(proceed: () => void): void {
    this.#unblock = proceed;
    this.#sink.blocked();
  }

  #sendStream(stream: Readable): void {
    const onData = (chunk: unknown): void => {
      const bytes = chunkBytes(chunk);
      if (bytes === undefined) this.#fail(invalidChunk());
      else if (bytes.byteLength > 0 && !this.#write(bytes) && !this.#isStopped) {
        stream.pause();
        this.#wait(() => stream.resume());
      }
    };
    const onClose = (): void => this.#fail(stream.errored ?? new errors.RequestAbortedError("the body was cut short"));
    const onEnd = (): void => {
      this.#dropSource?.();
      if (isWhole(stream)) this.#end();
      else onClose();
    };
    this.#dropSource = () => {
      stream.off("data", onData).off("end", onEnd).off("close", onClose);
      this.#dropSource = undefined;
    };
    if (stream.readableEnded) {
      // What was read before must not be sent as if it were empty.
      if (stream.readableDidRead) this.#fail(new errors.InvalidArgumentError("the body has been read already"));
      else this.#end();
      return;
    }
    if (stream.destroyed) {
      this.#fail(stream.errored ?? new errors.RequestAbortedError("the body was destroyed before it was sent"));
      return;
    }
    // First, since another listener may destroy it at its end, which would then look like an early one.
    stream.prependListener("end", onEnd).on("close", onClose).on("data", onData);
    stream.resume();
  }

  async #sendPieces(read: () => AsyncIterator<unknown> | Iterator<unknown>): Promise<void> {
    try {
      const iterator = read();
      this.#dropSource = () => {
        this.#dropSource = undefined;
        // `return` is the caller's code and may throw synchronously or reject.
        void (async () => iterator.return?.())().catch(ignore);
      };
      for (;;) {
        const next = await iterator.next();
        if (this.#isStopped) return;
        if (next.done === true) break;
        const bytes = chunkBytes(next.value);
        if (bytes === undefined) {
          this.#fail(invalidChunk());
          return;
        }
        if (bytes.byteLength > 0 && !this.#write(bytes)) {
          if (this.#isStopped) return;
          await new Promise<void>((resolve) => this.#wait(resolve));
        }
      }
      this.#dropSource = undefined;
      this.#end();
    } catch (error) {
      this.#dropSource = undefined;
      this.#fail(asError(error));
    }
  }

  /** The body has ended: what remains are the trailers. */
  #end(): void {
    if (this.#isStopped) return;
    this.#state = "ended";
    const { length, trailers } = this.#request;
    if (length !== undefined && this.#sent !== length) {
      this.#fail(new errors.RequestContentLengthMismatchError());
      return;
    }
    try {
      const raw = trailers === undefined ? NO_FIELDS : trailerSection(trailers);
      // Without a promise it all stays in this turn, and a small request goes out in one write.
      if (Array.isArray(raw)) this.#sink.end(raw);
      else
        raw
          .then((fields) => !this.#isStopped && this.#sink.end(fields))
          .catch((error: unknown) => this.#fail(asError(error)));
    } catch (error) {
      this.#fail(asError(error));
    }
  }

  #fail(error: Error): void {
    if (!this.#isStopped) this.#sink.fail(error);
  }
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += PIECE) yield bytes.subarray(at, at + PIECE);
}

function invalidChunk(): Error {
  return new errors.InvalidArgumentError("the body must give strings or bytes");
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new errors.RequestAbortedError(String(error));
}

function ignore(): void {}
