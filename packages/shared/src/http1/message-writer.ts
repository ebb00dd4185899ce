/** What messages are written to: a socket, or anything that writes like one. */
export interface ByteSink {
  cork(): void;
  uncork(): void;
  write(chunk: string | Uint8Array, encoding?: BufferEncoding): boolean;
  readonly writableLength: number;
}

/** Content up to this size is copied beside what frames it: one write of a text is cheaper than several of buffers. */
const SMALL = 4_096;

/** A text is not gathered beyond this. */
const ENOUGH = 16_384;

/** When so many bytes wait to be sent, no more should be given. */
const HIGH_WATER = 256 * 1024;

/**
 * Writes the parts of messages to a socket: texts, latin1, and content. What is small and given in one turn leaves in
 * one write, at the end of the turn or with `flush`; large content leaves at once, uncopied, with what was gathered.
 */
export class MessageWriter {
  readonly #sink: ByteSink;
  #gathered = "";
  #scheduled = false;

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
    this.#later();
  }

  /**
   * A piece of content, with text right before and behind it. False where it stays in memory, as it is, until the socket
   * has drained.
   */
  content(piece: Uint8Array, before: string, behind: string): boolean {
    if (piece.byteLength <= SMALL) {
      this.#gathered += before + latin1(piece) + behind;
      if (this.#gathered.length > ENOUGH) return this.flush();
      this.#later();
      return true;
    }
    const sink = this.#sink;
    sink.cork();
    const text = this.#gathered + before;
    this.#gathered = "";
    if (text !== "") sink.write(text, "latin1");
    const more = sink.write(piece);
    if (behind !== "") sink.write(behind, "latin1");
    sink.uncork();
    return more;
  }

  /** Sends what was gathered. False where the socket takes no more until it has drained. */
  flush(): boolean {
    const text = this.#gathered;
    if (text === "") return true;
    this.#gathered = "";
    return this.#sink.write(text, "latin1");
  }

  #later(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(this.#onTurn);
  }

  readonly #onTurn = (): void => {
    this.#scheduled = false;
    this.flush();
  };
}

function latin1(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString("latin1");
}
