/** An HTTP/1.1 message taken apart, with everything in the order and the spelling that it had on the wire. */
export interface ParsedMessage {
  /** The request line or status line, without its CRLF. */
  readonly startLine: string;
  /** The header's field lines, `Name: value` as they stood. */
  readonly fieldLines: readonly string[];
  /** The data of each chunk, without the last one; `undefined` for a body that is not chunked. */
  readonly chunks: readonly Buffer[] | undefined;
  /** The size line of each chunk, extensions included, with the last one. Empty for a body that is not chunked. */
  readonly chunkLines: readonly string[];
  /** The content: the chunks joined, or the bytes that stood there. */
  readonly body: Buffer;
  /** The field lines of the trailer section, as they stood. */
  readonly trailerLines: readonly string[];
  /** What follows the message. */
  readonly rest: Buffer;
  /** False when the bytes stop before the message does. What is there is given. */
  readonly complete: boolean;
}

/** Settings of `parseMessage`. */
export interface ParseMessageOptions {
  /** The message answers HEAD: it has no body, whatever its fields say. */
  readonly head?: boolean;
}

/**
 * Reads one HTTP/1.1 message from the start of `bytes`. It shares no code with what it checks, knows only what the tests need,
 * and throws on whatever is not plain, well-formed HTTP/1.1: bare line feeds, folded lines, bad chunk framing.
 *
 * A response with neither Content-Length nor chunks takes all bytes; an informational one, 204 and 304 have no body.
 */
export function parseMessage(bytes: Uint8Array, options: ParseMessageOptions = {}): ParsedMessage {
  const cursor = new Cursor(bytes);
  const startLine = cursor.line();
  if (startLine === undefined) return message("", [], cursor, { complete: false });
  const fieldLines: string[] = [];
  if (!cursor.section(fieldLines)) return message(startLine, fieldLines, cursor, { complete: false });

  const codings = fieldValues(fieldLines, "transfer-encoding");
  const lengths = fieldValues(fieldLines, "content-length");
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(startLine)?.[1];
  if (options.head === true || (status !== undefined && /^1|^204$|^304$/.test(status))) {
    return message(startLine, fieldLines, cursor, {});
  }
  if (codings.length > 0) {
    if (codings.join().toLowerCase() !== "chunked")
      throw new Error(`not a transfer coding for tests: ${codings.join()}`);
    if (lengths.length > 0) throw new Error("both Transfer-Encoding and Content-Length");
    return readChunks(startLine, fieldLines, cursor);
  }
  if (lengths.length > 0) {
    const [length = ""] = lengths;
    if (lengths.length > 1 || !/^\d+$/.test(length)) throw new Error(`bad Content-Length: ${lengths.join()}`);
    const body = cursor.take(Number(length));
    return message(startLine, fieldLines, cursor, { body, complete: body.length === Number(length) });
  }
  return message(startLine, fieldLines, cursor, { body: cursor.take(status === undefined ? 0 : Infinity) });
}

/** The values of every line in `lines` that carries `name`, without regard to case, in order, trimmed. */
export function fieldValues(lines: readonly string[], name: string): string[] {
  return lines
    .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)] as const)
    .filter(([found]) => found.toLowerCase() === name.toLowerCase())
    .map(([, value]) => value.trim());
}

function readChunks(startLine: string, fieldLines: string[], cursor: Cursor): ParsedMessage {
  const chunks: Buffer[] = [];
  const chunkLines: string[] = [];
  const trailerLines: string[] = [];
  const upTo = (complete: boolean): ParsedMessage =>
    message(startLine, fieldLines, cursor, { chunks, chunkLines, body: Buffer.concat(chunks), trailerLines, complete });
  for (;;) {
    const line = cursor.line();
    if (line === undefined) return upTo(false);
    chunkLines.push(line);
    const digits = /^([0-9a-fA-F]{1,12})(?:;.*)?$/.exec(line)?.[1];
    if (digits === undefined) throw new Error(`bad chunk size: ${JSON.stringify(line)}`);
    const size = Number.parseInt(digits, 16);
    if (size === 0) return upTo(cursor.section(trailerLines));
    const data = cursor.take(size);
    chunks.push(data);
    if (data.length < size) return upTo(false);
    const after = cursor.take(2);
    if (after.length < 2) return upTo(false);
    if (after.toString("latin1") !== "\r\n") throw new Error(`a chunk of ${size} bytes is not followed by CRLF`);
  }
}

function message(
  startLine: string,
  fieldLines: string[],
  cursor: Cursor,
  found: Partial<ParsedMessage>,
): ParsedMessage {
  const nothing = { chunks: undefined, chunkLines: [], body: Buffer.alloc(0), trailerLines: [], complete: true };
  return { startLine, fieldLines, ...nothing, ...found, rest: cursor.take(Infinity) };
}

class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The next line without its CRLF, or `undefined`, taking nothing, when its end is not there. */
  line(): string | undefined {
    const end = this.#bytes.indexOf("\n", this.#at);
    if (end === -1) return undefined;
    const line = this.#bytes.toString("latin1", this.#at, end + 1);
    if (!line.endsWith("\r\n")) throw new Error(`a bare line feed ends ${JSON.stringify(line)}`);
    this.#at = end + 1;
    return line.slice(0, -2);
  }

  /** Adds the field lines up to the empty line to `lines`. False when the empty line is not there. */
  section(lines: string[]): boolean {
    for (;;) {
      const line = this.line();
      if (line === undefined) return false;
      if (line === "") return true;
      if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+:/.test(line)) throw new Error(`not a field line: ${JSON.stringify(line)}`);
      lines.push(line);
    }
  }

  /** The next `count` bytes, or as many as there are. */
  take(count: number): Buffer {
    const start = this.#at;
    this.#at = Math.min(this.#bytes.length, start + count);
    return this.#bytes.subarray(start, this.#at);
  }
}
