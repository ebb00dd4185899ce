import type { Socket } from "node:net";
import { Readable } from "node:stream";

const NOTHING = Buffer.alloc(0);

/** So much is still read while it is paused, because the end of the connection may follow. Bytes. */
const AHEAD = 16_384;

/** What a Readable is implemented by: what it reads is given to `push`, and it is asked for more with `_read`. */
type Implementation = Pick<Readable, "push" | "_read">;

/**
 * Takes what comes on a socket as it comes, in place of the queue and the events of its stream, which cost as much for a
 * small message as reading it does. What has been taken is not in the stream any more; its end, its errors and all that
 * is written go their usual way.
 */
export class DirectSocketReader {
  readonly #socket: Socket & Implementation;
  readonly #onBytes: (bytes: Buffer) => void;
  /** Whether no more should come. A little still does. */
  paused = false;
  /** How much has come while it is paused. */
  #ahead = 0;

  /** `onBytes` is called with each piece and may keep the buffer. */
  constructor(socket: Socket, onBytes: (bytes: Buffer) => void) {
    this.#socket = socket;
    this.#onBytes = onBytes;
    socket.push = this.#push;
    // A stream without a reader does not start reading.
    this.resume();
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.#ahead = 0;
    if (!this.#socket.destroyed && !this.#socket.readableEnded) this.#socket._read(0);
  }

  /** Makes it an ordinary, unread stream again, with these bytes in front. */
  release(rest: Buffer): void {
    Reflect.deleteProperty(this.#socket, "push");
    this.#socket.pause();
    if (rest.length > 0) this.#socket.unshift(rest);
    // The stream believes that what it asked for first is still to come.
    this.#socket.push(NOTHING);
    (this.#socket as { readableFlowing: boolean | null }).readableFlowing = null;
  }

  readonly #push = (bytes: Buffer | null): boolean => {
    if (bytes === null) return Readable.prototype.push.call(this.#socket, null);
    this.#onBytes(bytes);
    if (!this.paused) return true;
    this.#ahead += bytes.length;
    return this.#ahead < AHEAD;
  };
}
