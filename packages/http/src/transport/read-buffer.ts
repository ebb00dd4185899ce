/** The most that is read into one buffer. Bytes. */
const READ_SIZE = 131_072;

/** How many buffers wait to be used again. */
const MOST_FREE = 8;

const free: ReadBuffer[] = [];

/** Leads from the memory of a piece to its buffer. A WeakMap would keep each of them alive until a full garbage collection. */
const OWNER = Symbol("read buffer");

type OwnedMemory = ArrayBufferLike & { [OWNER]?: ReadBuffer };

/**
 * Memory that a socket is read into. Its content is handed on as views, and everyone who is given one may keep it: then the buffer is not
 * used again. Where all views are given back it is, so that the next read finds it in the cache of the processor, and nothing is
 * allocated.
 */
export class ReadBuffer {
  readonly bytes: Buffer = Buffer.allocUnsafeSlow(READ_SIZE);
  /** Content that was handed on and not given back. Bytes; negative while more has been given back than is known to be lent. */
  #lent = 0;
  #state: "reading" | "lent" | "free" = "reading";

  private constructor() {
    (this.bytes.buffer as OwnedMemory)[OWNER] = this;
  }

  /** One that is free, or a new one. */
  static take(): ReadBuffer {
    const buffer = free.pop() ?? new ReadBuffer();
    buffer.#lent = 0;
    buffer.#state = "reading";
    return buffer;
  }

  /**
   * What was read has been handled, and `lent` bytes of it were handed on. Returns whether all of them have been given back, so that it
   * can be read into again; if not, it becomes free when they have.
   */
  settle(lent: number): boolean {
    this.#lent += lent;
    if (this.#lent !== 0) this.#state = "lent";
    return this.#lent === 0;
  }

  /** The reader needs it no more, and has handed on nothing of it. */
  release(): void {
    this.#state = "free";
    if (free.length < MOST_FREE) free.push(this);
  }

  giveBack(length: number): void {
    this.#lent -= length;
    if (this.#state === "lent" && this.#lent === 0) this.release();
  }
}

/**
 * Gives back a piece of content that came from a socket: its memory may be read into again. Only for the sole owner of the piece, and only
 * once. Does nothing for a piece of any other memory.
 */
export function giveBack(piece: Uint8Array): void {
  (piece.buffer as OwnedMemory)[OWNER]?.giveBack(piece.byteLength);
}
