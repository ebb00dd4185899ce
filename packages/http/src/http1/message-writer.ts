import { atReadEnd } from "../transport/read-end.ts";
import { batchWrites } from "../transport/write-batch.ts";

/** What messages are written to: a socket, or anything that writes like one. */
export interface ByteSink {
  /** Holds writes back until `uncork`, to send them together. */
  cork(): void;
  /** Sends what `cork` held back. */
  uncork(): void;
  /** Writes bytes or text. Returns false when writing should pause until `drain`. */
  write(chunk: string | Uint8Array, encoding?: BufferEncoding): boolean;
  /** The bytes that wait to be sent. */
  readonly writableLength: number;
}

/** Called once, when the socket has been given what was written. */
export interface FlushListener {
  /** Everything written so far has been given to the socket. */
  onFlushed(): void;
}

/** Content up to this size is copied next to its framing: one write of text is cheaper than several of buffers. Bytes. */
const SMALL = 4_096;

/** More than this is not held back for what may follow in the same event loop iteration. Bytes. */
const ENOUGH = 16_384;

/** No more content should be written while this many bytes wait to be sent. */
const HIGH_WATER = 256 * 1024;

/**
 * Writes the parts of messages to a socket: latin1 text and content. Small parts leave in one write with everything else
 * written in the same event loop iteration, at its end or on `flush`. Large content leaves as soon as
 * the bytes that it was read with have been handled, together with what was gathered, and is not copied.
 */
export class MessageWriter {
  readonly #sink: ByteSink;
  /** How many times something was written to the socket. */
  flushes = 0;
  #gathered = "";
  #corked = false;
  #scheduled = false;
  /** Large content that waits in the corked socket. Bytes. */
  #waiting = 0;
  #awaiting: FlushListener | undefined;
  #onTaken: ((piece: Uint8Array) => void) | undefined;
  /** Pieces that the system may not have taken. */
  #untaken: Uint8Array[] = [];

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  /** Whether writing should pause until the socket has drained. */
  get full(): boolean {
    return this.#sink.writableLength >= HIGH_WATER;
  }

  /** Writes text: a head, chunk framing, trailers. */
  text(text: string): void {
    this.#gathered += text;
    this.#schedule();
  }

  /** Calls `listener` once, when the socket has been given everything written so far. */
  onFlushed(listener: FlushListener): void {
    if (this.#awaiting !== undefined) this.flush();
    this.#awaiting = listener;
    this.#schedule();
  }

  /**
   * Writes content, with text right before and after it. The piece may stay in use until the end of the event loop
   * iteration and, if this returns false, until the socket has drained.
   */
  content(piece: Uint8Array, before: string, after: string): boolean {
    if (piece.byteLength <= SMALL) {
      this.#gathered += before + latin1(piece) + after;
      this.#onTaken?.(piece);
      if (this.#gathered.length > ENOUGH) return this.flush();
      this.#schedule();
      return true;
    }
    if (!this.#corked) this.#sink.cork();
    this.#corked = true;
    this.#write(before);
    this.flushes += 1;
    this.#sink.write(piece);
    this.#gathered = after;
    this.#waiting += piece.byteLength;
    if (this.#onTaken !== undefined) this.#untaken.push(piece);
    if (this.#waiting > ENOUGH) atReadEnd(this.#onReadEnd);
    else this.#schedule();
    return !this.full;
  }

  /** Sends what was gathered. Returns false if the socket should drain before the next write. */
  flush(): boolean {
    const more = this.#write("");
    if (this.#corked) this.#sink.uncork();
    this.#corked = false;
    this.#waiting = 0;
    this.returnTaken();
    const listener = this.#awaiting;
    this.#awaiting = undefined;
    listener?.onFlushed();
    return more;
  }

  /** Calls `onTaken` with each piece of the content of this message that the system has taken, where that is seen. */
  returnContent(onTaken: ((piece: Uint8Array) => void) | undefined): void {
    this.#onTaken = onTaken;
    this.#untaken = [];
  }

  /** The socket has drained: returns what the system has taken. */
  returnTaken(): void {
    if (this.#untaken.length === 0 || this.#sink.writableLength > 0) return;
    const taken = this.#untaken;
    this.#untaken = [];
    for (const piece of taken) this.#onTaken?.(piece);
  }

  /** Writes what was gathered, and this text after it. */
  #write(text: string): boolean {
    const all = this.#gathered + text;
    this.#gathered = "";
    if (all === "") return true;
    this.flushes += 1;
    return this.#sink.write(all, "latin1");
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    batchWrites(this.#onTurnEnd);
  }

  readonly #onReadEnd = (): void => {
    if (this.#corked) this.flush();
  };

  readonly #onTurnEnd = (): void => {
    this.#scheduled = false;
    this.flush();
  };
}

function latin1(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString("latin1");
}
