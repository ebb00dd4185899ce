import { SyntaxFault } from "./syntax-fault.ts";

const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;

/** Extensions mean nothing here and are only skipped, so their total in one message is bounded (RFC 9112 section 7.1.1). */
const MAX_EXTENSION_BYTES = 16_384;

/** The most content of small chunks that is put together. Bytes. */
const MOST_TOGETHER = 16_384;
const together = Buffer.alloc(MOST_TOGETHER);

/** RFC 9112 section 7.1.1, without the whitespace that it lets recipients tolerate: `;name`, `;name=value`, `;name="value"`. */
const EXTENSIONS =
  /^(?:;[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:=(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"))?)+$/;

/**
 * Undoes the chunked transfer coding, up to the last chunk (RFC 9112 section 7.1). It reads from the buffers it is given
 * without copying, except that it puts the content of small chunks together: what each piece costs after that is far more
 * than a copy. It refuses what two recipients could read differently: sizes with a sign, a prefix, spaces or too
 * many digits, anything after a size that is not an extension, lines that do not end in CRLF. It throws a {@link SyntaxFault}
 * for them.
 */
export class ChunkedDecoder {
  /** Where the last `read` stopped: the position after the bytes that it has consumed. */
  position = 0;
  #state: "size" | "extension" | "size-lf" | "data" | "data-cr" | "data-lf" | "last" = "size";
  #left = 0;
  #digits = 0;
  #extension = "";
  #extensionBytes = 0;

  /** Whether the last chunk has been read: what follows is the trailer section. */
  get done(): boolean {
    return this.#state === "last";
  }

  /** The next piece of content in `bytes` from `start`; none when it needs more bytes or has met the last chunk. */
  read(bytes: Buffer, start: number): Buffer | undefined {
    let at = start;
    while (at < bytes.length && this.#state !== "last") {
      if (this.#state === "data") {
        const end = Math.min(bytes.length, at + this.#left);
        this.#left -= end - at;
        if (this.#left === 0) this.#state = "data-cr";
        this.position = end;
        return bytes.subarray(at, end);
      }
      if (this.#state === "size" && this.#digits === 0 && at + 1 < bytes.length && bytes[at + 1] === CR) {
        const content = this.#readSmallChunks(bytes, at);
        if (content !== undefined) return content;
      }
      this.#frame(bytes[at]!);
      at += 1;
    }
    this.position = at;
    return undefined;
  }

  /** The content of the chunks from `start` that are less than 16 bytes long, where there is more than one of them. */
  #readSmallChunks(bytes: Buffer, start: number): Buffer | undefined {
    let size = 0;
    let chunks = 0;
    let at = start;
    while (at + 6 <= bytes.length) {
      const length = hexDigit(bytes[at]!);
      const end = at + 3 + length;
      if (length <= 0 || end + 2 > bytes.length || size + length > MOST_TOGETHER) break;
      if (bytes[at + 1] !== CR || bytes[at + 2] !== LF || bytes[end] !== CR || bytes[end + 1] !== LF) break;
      for (let from = at + 3; from < end; from += 1, size += 1) together[size] = bytes[from]!;
      at = end + 2;
      chunks += 1;
    }
    if (chunks < 2) return undefined;
    this.position = at;
    return Buffer.from(together.subarray(0, size));
  }

  /** Takes one byte of what surrounds the data. */
  #frame(byte: number): void {
    switch (this.#state) {
      case "size":
        this.#sizeByte(byte);
        break;
      case "extension":
        this.#extensionByte(byte);
        break;
      case "size-lf":
        if (byte !== LF) throw invalidSize("a chunk size line that does not end in CRLF");
        this.#state = this.#left === 0 ? "last" : "data";
        this.#digits = 0;
        break;
      case "data-cr":
        if (byte !== CR) throw new SyntaxFault("a chunk that is longer than its size", "STRICT");
        this.#state = "data-lf";
        break;
      default:
        if (byte !== LF) throw new SyntaxFault("a chunk that does not end in CRLF", "STRICT");
        this.#state = "size";
    }
  }

  #sizeByte(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      this.#left = this.#left * 16 + digit;
      this.#digits += 1;
      if (this.#digits > 16 || !Number.isSafeInteger(this.#left)) throw invalidSize("a chunk size that is too large");
    } else if (this.#digits === 0) {
      throw invalidSize("a chunk without a size");
    } else if (byte === CR) {
      this.#state = "size-lf";
    } else if (byte === SEMICOLON) {
      this.#extension = ";";
      this.#state = "extension";
    } else {
      throw invalidSize("a chunk size followed by something that is not an extension");
    }
  }

  #extensionByte(byte: number): void {
    this.#extensionBytes += 1;
    if (this.#extensionBytes > MAX_EXTENSION_BYTES) {
      throw new SyntaxFault("too many chunk extensions", "TOO_MANY_EXTENSIONS");
    }
    if (byte !== CR) {
      this.#extension += String.fromCharCode(byte);
      return;
    }
    if (!EXTENSIONS.test(this.#extension))
      throw invalidSize("a chunk size followed by something that is not an extension");
    this.#extension = "";
    this.#state = "size-lf";
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function invalidSize(message: string): SyntaxFault {
  return new SyntaxFault(message, "INVALID_CHUNK_SIZE");
}
