import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { isUint8Array } from "node:util/types";

import { errors } from "undici";

import type { OutgoingRequest } from "../outgoing-request.ts";
import { trailerSection } from "../request-trailers.ts";
import { requestFraming, type RequestFraming, requestHead } from "./request-head.ts";

/** Who is told how the sending of a request goes. */
export interface WriterEvents {
  /** A piece of the body was handed to the socket. */
  onSent(chunk: Uint8Array): void;
  /** The socket takes no more for now. */
  onBlocked(): void;
  /** All of the request was handed to the socket. */
  onFinished(): void;
  /** The body or the trailers failed: the request must not look complete. */
  onFailed(error: Error): void;
}

const NOTHING = new Uint8Array(0);

/** A body in memory goes out in pieces of this size, so that it can be stopped, and its progress seen, on the way. */
const PIECE = 1_048_576;

/**
 * Writes one request to a socket: head, content in its framing, trailers. It takes from the body only as fast as the
 * socket sends. What has been handed over when it is stopped is never completed.
 */
export class RequestWriter {
  readonly #socket: Socket;
  readonly #request: OutgoingRequest;
  readonly #events: WriterEvents;
  readonly #framing: RequestFraming;
  #started = false;
  #stopped = false;
  /** Bytes of content written so far. */
  #written = 0;
  /** Ends the chunk before: the next size line is written together with it. */
  #chunkOpen = false;
  #corked = false;
  #unblock: (() => void) | undefined;
  #dropSource: (() => void) | undefined;
  /** Whether all of the request has been handed to the socket. */
  finished = false;

  constructor(socket: Socket, request: OutgoingRequest, events: WriterEvents) {
    this.#socket = socket;
    this.#request = request;
    this.#events = events;
    this.#framing = requestFraming(request);
  }

  /** Whether the body has not been begun: it waits for a 100. */
  get waiting(): boolean {
    return !this.#started;
  }

  /** Sends the head, and the body unless it has to wait for a 100. What is written in one turn goes out in one write. */
  start(authority: string): void {
    this.#cork();
    this.#socket.write(requestHead(this.#request, this.#framing, authority), "latin1");
    if (!this.#request.expectContinue || this.#framing === "none") this.sendBody();
  }

  /** Sends the body, if it has not been begun: after a 100, or when it did not come in time. */
  sendBody(): void {
    if (this.#started || this.#stopped) return;
    this.#started = true;
    const { body } = this.#request;
    if (body.kind === "none") this.#end();
    else if (body.kind === "bytes" && body.bytes.byteLength > PIECE) void this.#sendIterable(pieces(body.bytes));
    else if (body.kind === "bytes") {
      if (body.bytes.byteLength > 0) this.#write(body.bytes);
      this.#end();
    } else if (body.kind === "stream") this.#sendStream(body.stream);
    else void this.#sendIterable(body.iterable);
  }

  /** The socket takes more again. */
  drained(): void {
    const unblock = this.#unblock;
    this.#unblock = undefined;
    unblock?.();
  }

  /** Sends nothing more and lets go of the body: the answer is there already, or the exchange has failed. */
  stop(error?: Error): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#unblock = undefined;
    const { body } = this.#request;
    if (body.kind === "stream" && !this.finished) {
      // The sender's own listeners are gone by now or never were: an error must not bring the process down.
      body.stream.on("error", ignore);
      body.stream.destroy(error);
    }
    this.#dropSource?.();
  }

  /** Gathers what is written in this turn. */
  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#socket.cork();
    process.nextTick(this.#uncork);
  }

  readonly #uncork = (): void => {
    this.#corked = false;
    this.#socket.uncork();
  };

  /** Hands one piece to the socket; whether it takes more at once. */
  #write(chunk: Uint8Array): boolean {
    this.#written += chunk.byteLength;
    let more: boolean;
    if (this.#framing === "chunked") {
      const size = chunk.byteLength.toString(16);
      this.#cork();
      this.#socket.write(this.#chunkOpen ? `\r\n${size}\r\n` : `${size}\r\n`, "latin1");
      more = this.#socket.write(chunk);
      this.#chunkOpen = true;
    } else {
      if (this.#written > (this.#request.length ?? 0)) {
        this.#fail(new errors.RequestContentLengthMismatchError());
        return false;
      }
      more = this.#socket.write(chunk);
    }
    this.#events.onSent(chunk);
    return more;
  }

  /** Waits until the socket takes more, then goes on. */
  #wait(proceed: () => void): void {
    this.#unblock = proceed;
    this.#events.onBlocked();
  }

  #sendStream(stream: Readable): void {
    const onData = (chunk: unknown): void => {
      const bytes = toBytes(chunk);
      if (bytes === undefined) this.#fail(invalidChunk());
      else if (bytes.byteLength > 0 && !this.#write(bytes) && !this.#stopped) {
        stream.pause();
        this.#wait(() => stream.resume());
      }
    };
    const onEnd = (): void => {
      this.#dropSource?.();
      this.#end();
    };
    const onClose = (): void => this.#fail(stream.errored ?? new errors.RequestAbortedError("the body was cut short"));
    this.#dropSource = () => {
      stream.off("data", onData).off("end", onEnd).off("close", onClose);
      this.#dropSource = undefined;
    };
    if (stream.readableEnded) {
      // What was read by somebody else must not be sent as if it were empty.
      if (stream.readableDidRead) this.#fail(new errors.InvalidArgumentError("the body has been read already"));
      else this.#end();
      return;
    }
    if (stream.destroyed) {
      this.#fail(stream.errored ?? new errors.RequestAbortedError("the body was destroyed before it was sent"));
      return;
    }
    stream.on("close", onClose).on("end", onEnd).on("data", onData);
    stream.resume();
  }

  async #sendIterable(iterable: AsyncIterable<unknown> | Iterable<unknown>): Promise<void> {
    try {
      const iterator =
        Symbol.asyncIterator in iterable ? iterable[Symbol.asyncIterator]() : iterable[Symbol.iterator]();
      this.#dropSource = () => {
        this.#dropSource = undefined;
        Promise.resolve(iterator.return?.()).catch(ignore);
      };
      for (;;) {
        const next = await iterator.next();
        if (this.#stopped) return;
        if (next.done === true) break;
        const bytes = toBytes(next.value);
        if (bytes === undefined) {
          this.#fail(invalidChunk());
          return;
        }
        if (bytes.byteLength > 0 && !this.#write(bytes)) {
          if (this.#stopped) return;
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

  /** The body has ended: what remains is the last chunk and the trailers. */
  #end(): void {
    if (this.#stopped) return;
    if (this.#framing === "length" && this.#written !== this.#request.length) {
      this.#fail(new errors.RequestContentLengthMismatchError());
    } else if (this.#framing !== "chunked") this.#finish();
    else this.#endWithTrailers();
  }

  #endWithTrailers(): void {
    const finish = (raw: readonly string[]): void => {
      if (!this.#stopped) this.#finish(`0\r\n${fieldLines(raw)}\r\n`);
    };
    try {
      const raw = this.#request.trailers === undefined ? [] : trailerSection(this.#request.trailers);
      // Without a promise it all stays in this turn, and a small request goes out in one write.
      if (Array.isArray(raw)) finish(raw);
      else raw.then(finish).catch((error: unknown) => this.#fail(asError(error)));
    } catch (error) {
      this.#fail(asError(error));
    }
  }

  #finish(last = ""): void {
    if (last !== "") this.#socket.write(this.#chunkOpen ? `\r\n${last}` : last, "latin1");
    this.finished = true;
    this.#events.onFinished();
  }

  #fail(error: Error): void {
    if (this.#stopped || this.finished) return;
    this.#events.onFailed(error);
  }
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += PIECE) yield bytes.subarray(at, at + PIECE);
}

function fieldLines(raw: readonly string[]): string {
  let lines = "";
  for (let at = 0; at < raw.length; at += 2) lines += `${raw[at]!}: ${raw[at + 1]!}\r\n`;
  return lines;
}

function toBytes(chunk: unknown): Uint8Array | undefined {
  if (typeof chunk === "string") return chunk === "" ? NOTHING : Buffer.from(chunk);
  if (isUint8Array(chunk)) return chunk;
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  return chunk instanceof ArrayBuffer ? new Uint8Array(chunk) : undefined;
}

function invalidChunk(): Error {
  return new errors.InvalidArgumentError("the body must give strings or bytes");
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new errors.RequestAbortedError(String(error));
}

function ignore(): void {}
