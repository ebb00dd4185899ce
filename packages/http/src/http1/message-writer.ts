import { batchWrites } from "../transport/write-batch.ts";

/** What messages are written to: a socket, or anything that writes like one. */
export interface ByteSink {
  cork(): void;
  uncork(): void;
  write(chunk: string | Uint8Array, encoding?: BufferEncoding): boolean;
  readonly writableLength: number;
}

/** Who is told, once, that the socket has been given what was written. */
export interface HandoverListener {
  onHandedOver(): void;
}

/** Content up to this size is copied beside what frames it: one write of a text is cheaper than several of buffers. */
const SMALL = 4_096;

/** More than this is not held back for what may follow it in the same turn. */
const ENOUGH = 16_384;

/** When so many bytes wait to be sent, no more should be given. */
const HIGH_WATER = 256 * 1024;

/**
 * Writes the parts of messages to a socket: texts, latin1, and content. What is small leaves in one write with all else
 * that is given in the same turn of the event loop, at its end or with `flush`; large content leaves at once, with what
 * was gathered. Content that is not quite small is not copied.
 */
export class MessageWriter {
  readonly #sink: ByteSink;
  /** How often the socket was given something. */
  handovers = 0;
  #gathered = "";
  #corked = false;
  #scheduled = false;
  #awaiting: HandoverListener | undefined;

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  /** Whether so much waits to be sent that no more should be given until the socket has drained. */
  get full(): boolean {
    return this.#sink.writableLength >= HIGH_WATER;
  }

  /** A piece of text: a head, what stands between chunks, trailers. */
  text(text: string): void {
    this.#gathered += text;
    this.#schedule();
  }

  /** Has it told once the socket has been given all that was written so far. */
  whenHandedOver(listener: HandoverListener): void {
    if (this.#awaiting !== undefined) this.flush();
    this.#awaiting = listener;
    this.#schedule();
  }

  /**
   * A piece of content, with text right before and behind it. It may stay in memory, as it is, until the end of the turn,
   * and where this is false until the socket has drained.
   */
  content(piece: Uint8Array, before: string, behind: string): boolean {
    if (piece.byteLength <= SMALL) {
      this.#gathered += before + latin1(piece) + behind;
      if (this.#gathered.length > ENOUGH) return this.flush();
      this.#schedule();
      return true;
    }
    if (!this.#corked) this.#sink.cork();
    this.#corked = true;
    this.#write(before);
    this.handovers += 1;
    const more = this.#sink.write(piece);
    this.#gathered = behind;
    if (piece.byteLength > ENOUGH) this.flush();
    else this.#schedule();
    return more;
  }

  /** Sends what was gathered. False where the socket takes no more until it has drained. */
  flush(): boolean {
    const more = this.#write("");
    if (this.#corked) this.#sink.uncork();
    this.#corked = false;
    const listener = this.#awaiting;
    this.#awaiting = undefined;
    listener?.onHandedOver();
    return more;
  }

  /** Hands over what was gathered, and one more text. */
  #write(text: string): boolean {
    const all = this.#gathered + text;
    this.#gathered = "";
    if (all === "") return true;
    this.handovers += 1;
    return this.#sink.write(all, "latin1");
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    batchWrites(this.#onTurnEnd);
  }

  readonly #onTurnEnd = (): void => {
    this.#scheduled = false;
    this.flush();
  };
}

function latin1(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString("latin1");
}
