import { decodeHuffman } from "./http2-huffman.ts";

/** Field lines in their order, as they are on the wire: nothing is lower-cased, joined or checked. Text is latin1. */
export type FieldPairs = readonly (readonly [name: string, value: string])[];

/**
 * A field section in the plainest form that HPACK has: every line a literal without indexing and without Huffman code. The
 * encoder keeps no state, so that a block can be sent on any connection, any number of times, and may say anything.
 */
export function encodeFields(fields: FieldPairs): Buffer {
  return Buffer.concat(fields.map(([name, value]) => encodeLiteral(name, value)));
}

/** One literal field line. With `indexed`, the peer must add it to its dynamic table, as index 62. */
export function encodeLiteral(name: string, value: string, { indexed = false } = {}): Buffer {
  return Buffer.concat([Buffer.of(indexed ? 0x40 : 0x00), encodeString(name), encodeString(value)]);
}

/** A field line by its index: 1 to 61 in the static table, 62 is the newest of the dynamic one. */
export function encodeIndex(index: number): Buffer {
  return encodeInteger(index, 7, 0x80);
}

/** A change of the dynamic table's size, in bytes. Belongs at the start of a block. */
export function encodeTableSize(size: number): Buffer {
  return encodeInteger(size, 5, 0x20);
}

function encodeString(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  return Buffer.concat([encodeInteger(bytes.length, 7, 0x00), bytes]);
}

/** RFC 7541, section 5.1: `value` in the last `prefix` bits of a byte whose other bits are `pattern`, and in as many as follow. */
function encodeInteger(value: number, prefix: number, pattern: number): Buffer {
  const limit = 2 ** prefix - 1;
  if (value < limit) return Buffer.of(pattern | value);
  const bytes = [pattern | limit];
  let rest = value - limit;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Buffer.of(...bytes, rest);
}

/** The receiving half of HPACK (RFC 7541) for one connection. It shares no code with what it checks. */
export class FieldDecoder {
  readonly #maxTableSize: number;
  readonly #table: [name: string, value: string][] = [];
  #tableLimit: number;
  #bytes: Uint8Array = Buffer.alloc(0);
  #at = 0;

  /** `maxTableSize` is the SETTINGS_HEADER_TABLE_SIZE that was sent to the peer, in bytes. */
  constructor(maxTableSize: number = 4096) {
    this.#maxTableSize = maxTableSize;
    this.#tableLimit = maxTableSize;
  }

  /** The lines of one field block. Every block of a connection must come here, in order. Throws on a decoding error. */
  decode(block: Uint8Array): FieldPairs {
    this.#bytes = block;
    this.#at = 0;
    const fields: (readonly [string, string])[] = [];
    while (this.#at < block.length) {
      const first = block[this.#at]!;
      if (first & 0x80) fields.push(this.#entry(this.#integer(7)));
      else if (first & 0x40) {
        const field = this.#literal(6);
        this.#table.unshift(field);
        this.#evict();
        fields.push(field);
      } else if (first & 0x20) {
        const size = this.#integer(5);
        if (fields.length > 0) throw new Error("a change of the table's size stands after a field line");
        if (size > this.#maxTableSize) throw new Error(`a dynamic table of ${size} bytes was not allowed`);
        this.#tableLimit = size;
        this.#evict();
      } else fields.push(this.#literal(4));
    }
    return fields;
  }

  #literal(prefix: number): [name: string, value: string] {
    const index = this.#integer(prefix);
    const name = index === 0 ? this.#string() : this.#entry(index)[0];
    return [name, this.#string()];
  }

  #entry(index: number): readonly [name: string, value: string] {
    const entry = index <= staticTable.length ? staticTable[index - 1] : this.#table[index - 1 - staticTable.length];
    if (entry === undefined) throw new Error(`index ${index} is in neither table`);
    return entry;
  }

  /** RFC 7541, section 4.1: an entry counts for its two strings and 32 more. */
  #evict(): void {
    let size = 0;
    const kept = this.#table.findIndex(([name, value]) => (size += name.length + value.length + 32) > this.#tableLimit);
    if (kept !== -1) this.#table.length = kept;
  }

  #integer(prefix: number): number {
    const limit = 2 ** prefix - 1;
    let value = this.#byte() & limit;
    if (value < limit) return value;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#byte();
      value += (byte & 0x7f) * factor;
      if (value > 2 ** 32) throw new Error("an integer is out of all proportion");
      if (byte < 0x80) return value;
    }
  }

  #string(): string {
    const huffman = (this.#bytes[this.#at] ?? 0) >= 0x80;
    const length = this.#integer(7);
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    if (bytes.length < length) throw new Error("a field block ends within a string");
    this.#at += length;
    return (huffman ? decodeHuffman(bytes) : Buffer.from(bytes)).toString("latin1");
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new Error("a field block ends within an integer");
    this.#at += 1;
    return byte;
  }
}

/** RFC 7541, Appendix A. */
const staticTable: FieldPairs = [
  [":authority", ""],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  [":status", "200"],
  [":status", "204"],
  [":status", "206"],
  [":status", "304"],
  [":status", "400"],
  [":status", "404"],
  [":status", "500"],
  ["accept-charset", ""],
  ["accept-encoding", "gzip, deflate"],
  ["accept-language", ""],
  ["accept-ranges", ""],
  ["accept", ""],
  ["access-control-allow-origin", ""],
  ["age", ""],
  ["allow", ""],
  ["authorization", ""],
  ["cache-control", ""],
  ["content-disposition", ""],
  ["content-encoding", ""],
  ["content-language", ""],
  ["content-length", ""],
  ["content-location", ""],
  ["content-range", ""],
  ["content-type", ""],
  ["cookie", ""],
  ["date", ""],
  ["etag", ""],
  ["expect", ""],
  ["expires", ""],
  ["from", ""],
  ["host", ""],
  ["if-match", ""],
  ["if-modified-since", ""],
  ["if-none-match", ""],
  ["if-range", ""],
  ["if-unmodified-since", ""],
  ["last-modified", ""],
  ["link", ""],
  ["location", ""],
  ["max-forwards", ""],
  ["proxy-authenticate", ""],
  ["proxy-authorization", ""],
  ["range", ""],
  ["referer", ""],
  ["refresh", ""],
  ["retry-after", ""],
  ["server", ""],
  ["set-cookie", ""],
  ["strict-transport-security", ""],
  ["transfer-encoding", ""],
  ["user-agent", ""],
  ["vary", ""],
  ["via", ""],
  ["www-authenticate", ""],
];
