/** What was read of one message. */
export interface Message {
  /** The start line and the fields after it. */
  readonly head: string;
  /** The trailer lines, each with its line end; empty without any. */
  readonly trailers: string;
  /** The bytes of its content. */
  readonly size: number;
}

const CRLF = Buffer.from("\r\n");
const HEAD_END = Buffer.from("\r\n\r\n");
/** Longer pieces are content in transit, and hardly come twice. */
const KNOWN_LIMIT = 16 * 1024;

/**
 * Reads the messages of one direction of an HTTP/1.1 connection. It keeps no content and believes what is framed well: it
 * is to cost next to nothing beside what is measured. For that, a piece that comes byte for byte as before means as before.
 */
export class MessageReader {
  readonly #onMessage: (message: Message) => void;
  #rest: Buffer = Buffer.alloc(0);
  #part: "head" | "content" | "chunk-size" | "chunk" | "trailers" = "head";
  #head = "";
  #size = 0;
  /** Bytes to pass over before the next part. */
  #left = 0;
  #known: Buffer | undefined;
  #knownMessage: Message | undefined;

  constructor(onMessage: (message: Message) => void) {
    this.#onMessage = onMessage;
  }

  /** Whether it stands between two messages. */
  get idle(): boolean {
    return this.#part === "head" && this.#rest.length === 0;
  }

  /** Drops a message that will not be finished. */
  forget(): void {
    this.#part = "head";
    this.#rest = Buffer.alloc(0);
  }

  /** Reads on. The piece is not used after this returns. */
  read(piece: Buffer): void {
    if (!this.idle) {
      this.#readOn(piece);
      return;
    }
    if (this.#known?.equals(piece)) {
      this.#onMessage(this.#knownMessage!);
      return;
    }
    const messages = this.#readOn(piece);
    if (messages.length === 1 && this.idle && piece.length < KNOWN_LIMIT) {
      this.#known = Buffer.from(piece);
      this.#knownMessage = messages[0];
    }
  }

  #readOn(piece: Buffer): Message[] {
    const messages: Message[] = [];
    let bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    for (;;) {
      const rest = this.#step(bytes, messages);
      if (rest === undefined) break;
      bytes = rest;
    }
    this.#rest = bytes.length === 0 ? bytes : Buffer.from(bytes);
    for (const message of messages) this.#onMessage(message);
    return messages;
  }

  /** Reads one part, or as much of it as there is; gives what is after it, and nothing if more has to come first. */
  #step(bytes: Buffer, messages: Message[]): Buffer | undefined {
    switch (this.#part) {
      case "head": {
        const end = bytes.indexOf(HEAD_END);
        if (end === -1) return undefined;
        this.#begin(bytes.toString("latin1", 0, end + 2), messages);
        return bytes.subarray(end + 4);
      }
      case "chunk-size": {
        const end = bytes.indexOf(CRLF);
        if (end === -1) return undefined;
        const length = Number.parseInt(bytes.toString("latin1", 0, end), 16);
        if (Number.isNaN(length)) throw new Error(`not a chunk: ${bytes.toString("latin1", 0, end)}`);
        this.#size += length;
        this.#left = length + 2;
        this.#part = length === 0 ? "trailers" : "chunk";
        return bytes.subarray(end + 2);
      }
      case "content":
      case "chunk": {
        if (bytes.length === 0) return undefined;
        const passed = Math.min(this.#left, bytes.length);
        this.#left -= passed;
        if (this.#left === 0) {
          if (this.#part === "content") this.#end("", messages);
          else this.#part = "chunk-size";
        }
        return bytes.subarray(passed);
      }
      case "trailers": {
        const none = bytes.length >= 2 && bytes.indexOf(CRLF) === 0;
        const end = none ? 0 : bytes.indexOf(HEAD_END);
        if (end === -1) return undefined;
        this.#end(none ? "" : bytes.toString("latin1", 0, end + 2), messages);
        return bytes.subarray(none ? 2 : end + 4);
      }
    }
  }

  #begin(head: string, messages: Message[]): void {
    this.#head = head;
    this.#size = 0;
    // As `keep-alive, chunked` would be, any coding but plain chunked is not supported here.
    if (/\r\ntransfer-encoding: *chunked\r\n/i.test(head)) {
      this.#part = "chunk-size";
      return;
    }
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? (head.startsWith("HTTP/") ? Number.NaN : 0));
    if (Number.isNaN(length)) throw new Error(`the end cannot be determined: ${head}`);
    this.#size = length;
    this.#left = length;
    this.#part = "content";
    if (length === 0) this.#end("", messages);
  }

  #end(trailers: string, messages: Message[]): void {
    this.#part = "head";
    messages.push({ head: this.#head, trailers, size: this.#size });
  }
}
