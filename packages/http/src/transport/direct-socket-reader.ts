import type { Socket } from "node:net";
import { Readable } from "node:stream";

import { ReadBuffer } from "./read-buffer.ts";
import { handleRead } from "./read-end.ts";
import { type ReadTarget, readInto } from "./socket-handle.ts";

const NOTHING = Buffer.alloc(0);

/** So much is still read while it is paused, because the end of the connection may follow. Bytes. */
const AHEAD = 16_384;

/** From this length on, what is read is not copied. Bytes. */
const LARGE = 16_384;

/** A connection on which no more has come for so long has no buffer of its own: many that are slow would hold many. Milliseconds. */
const SLOW = 20;

/** What may be kept is copied where it fills less than this part of its buffer. */
const SPARSE = 4;

/** All sockets read into this one while little comes, and what comes is copied out of it: a read is handled before the next. */
const shared = Buffer.allocUnsafeSlow(65_536);

/** What a Readable is implemented by: what it reads is given to `push`, and it is asked for more with `_read`. */
type Implementation = Pick<Readable, "push" | "_read">;

/**
 * Takes a piece, and may keep it. Returns how many of its bytes were handed on as content that `giveBack` may be called for, if the rest
 * is not used any more.
 */
type TakeBytes = (bytes: Buffer) => number | undefined;

/**
 * Takes what comes on a socket as it comes, in place of the queue and the events of its stream, which cost as much for a
 * small message as reading it does. What has been taken is not in the stream any more; its end, its errors and all that
 * is written go their usual way.
 */
export class DirectSocketReader implements ReadTarget {
  readonly #socket: Socket & Implementation;
  readonly #take: TakeBytes;
  /** Whether no more should come. A little still does. */
  paused = false;
  /** How much has come while it is paused. */
  #ahead = 0;
  #released = false;
  /** What it reads into while much comes. */
  #buffer: ReadBuffer | undefined;
  /** Whether the last buffer came back at once: then the next one is likely to. */
  #returns = true;
  /** When much came the last time. */
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(socket: Socket, take: TakeBytes) {
    this.#socket = socket;
    this.#take = take;
    readInto(socket, this);
    socket.push = this.#push;
    // A stream without a reader does not start reading.
    this.resume();
  }

  /** Stops reading from the socket. */
  pause(): void {
    this.paused = true;
  }

  /** Continues reading from the socket. */
  resume(): void {
    this.paused = false;
    this.#ahead = 0;
    if (!this.#socket.destroyed && !this.#socket.readableEnded) this.#socket._read(0);
  }

  /** Makes it an ordinary, unread stream again, with these bytes in front. */
  release(rest: Buffer): void {
    this.#released = true;
    Reflect.deleteProperty(this.#socket, "push");
    this.#socket.pause();
    if (rest.length > 0) this.#socket.unshift(rest);
    // The stream believes that what it asked for first is still to come.
    this.#socket.push(NOTHING);
    (this.#socket as { readableFlowing: boolean | null }).readableFlowing = null;
  }

  // The handle's side.

  get next(): Buffer {
    return this.#buffer?.bytes ?? shared;
  }

  onRead(length: number): boolean {
    const buffer = this.#buffer;
    const bytes = this.next.subarray(0, length);
    if (this.#released) return this.#socket.push(Buffer.from(bytes));
    const isFast = length >= LARGE && this.#isFast();
    if (buffer === undefined) {
      if (isFast) this.#buffer = ReadBuffer.take();
      this.#handle(Buffer.from(bytes));
    } else if (!isFast) {
      const copy = Buffer.from(bytes);
      this.#buffer = undefined;
      buffer.release();
      this.#handle(copy);
    } else if (!this.#returns && length * SPARSE < buffer.bytes.length) this.#handle(Buffer.from(bytes));
    else {
      const lent = this.#handle(bytes);
      this.#returns = lent !== undefined && buffer.settle(lent);
      if (!this.#returns) this.#buffer = ReadBuffer.take();
    }
    return this.#wantsMore(length);
  }

  // The stream's side: what has no handle to read by, and the end.

  readonly #push = (bytes: Buffer | null): boolean => {
    if (bytes === null) return Readable.prototype.push.call(this.#socket, null);
    this.#handle(bytes);
    return this.#wantsMore(bytes.length);
  };

  #handle(bytes: Buffer): number | undefined {
    return handleRead(this.#take, bytes);
  }

  /** Whether much came shortly before, too. */
  #isFast(): boolean {
    const before = this.#readAt;
    this.#readAt = performance.now();
    return this.#readAt - before < SLOW;
  }

  #wantsMore(length: number): boolean {
    if (!this.paused) return true;
    this.#ahead += length;
    return this.#ahead < AHEAD;
  }
}
