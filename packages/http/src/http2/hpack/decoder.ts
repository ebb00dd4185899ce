import { ErrorCode } from "../error-code.ts";
import { ConnectionFault } from "../fault.ts";
import { DEFAULT_TABLE_SIZE, DynamicTable } from "./dynamic-table.ts";
import { HpackField } from "./field.ts";
import { readInteger } from "./integer.ts";
import { STATIC_LENGTH, STATIC_TABLE } from "./static-table.ts";
import { type BlockCursor, readString, skipString } from "./string.ts";

/** What {@link HpackDecoder} accepts. */
export interface HpackDecoderOptions {
  /**
   * The largest field list: the sum of the sizes of its lines, each 32 octets more than name and value (RFC 9113
   * section 6.5.2). Octets.
   */
  readonly maxListSize: number;
  /** The largest name or value. Octets. @default 65,536 */
  readonly maxStringLength?: number;
}

/**
 * The receiving half of HPACK (RFC 7541) for one connection. Every field block must come here, in the order of the wire, whether
 * or not its section is wanted: blocks change the dynamic table (RFC 9113 section 4.3).
 */
export class HpackDecoder {
  readonly #maxListSize: number;
  readonly #maxStringLength: number;
  readonly #table = new DynamicTable<HpackField>(DEFAULT_TABLE_SIZE);
  /** The most that the encoder may set: SETTINGS_HEADER_TABLE_SIZE as it has been acknowledged. */
  #tableLimit: number = DEFAULT_TABLE_SIZE;
  #updateRequired = false;

  constructor({ maxListSize, maxStringLength = 65_536 }: HpackDecoderOptions) {
    this.#maxListSize = maxListSize;
    this.#maxStringLength = maxStringLength;
  }

  /**
   * Decodes a whole block and appends its lines to `fields`. False if the list exceeds `maxListSize`: the size is counted
   * while the block is decoded, and lines beyond the limit only change the table, so that a small block cannot become a
   * large list (RFC 9113 section 10.5.1). Throws a {@link ConnectionFault} with COMPRESSION_ERROR for a decoding error.
   */
  decode(block: Buffer, fields: HpackField[]): boolean {
    const cursor: BlockCursor = { bytes: block, at: 0, end: block.length };
    this.#updateTableSize(cursor);
    let room = this.#maxListSize;
    while (cursor.at < cursor.end) {
      const first = block[cursor.at]!;
      let field: HpackField | undefined;
      if ((first & 0x80) !== 0) field = this.#entry(readInteger(cursor, 7));
      else if ((first & 0x40) !== 0) {
        field = this.#literal(cursor, 6, false);
        this.#table.insert(field);
      } else if ((first & 0x20) !== 0) throw decodingError("a table size update after a field line");
      else if (room >= 0) field = this.#literal(cursor, 4, (first & 0x10) !== 0);
      else this.#skipLiteral(cursor);
      if (field === undefined) continue;
      room -= field.size;
      if (room >= 0) fields.push(field);
    }
    return room >= 0;
  }

  /**
   * Bounds the table by a SETTINGS_HEADER_TABLE_SIZE that the peer has acknowledged. Octets. Where that is less than the
   * encoder uses, its next block has to begin with an update (RFC 7541 section 4.2).
   */
  setTableLimit(limit: number): void {
    this.#tableLimit = limit;
    if (this.#table.maxSize > limit) this.#updateRequired = true;
  }

  /** Dynamic table size updates, which are allowed at the beginning of a block (RFC 7541 sections 4.2 and 6.3). */
  #updateTableSize(cursor: BlockCursor): void {
    while (cursor.at < cursor.end && (cursor.bytes[cursor.at]! & 0xe0) === 0x20) {
      const size = readInteger(cursor, 5);
      if (size > this.#tableLimit) throw decodingError(`a table size of ${size} octets, above the limit`);
      this.#table.resize(size);
      this.#updateRequired = false;
    }
    // RFC 9113 section 4.3.1.
    if (this.#updateRequired) throw decodingError("no table size update after the limit was reduced");
  }

  #literal(cursor: BlockCursor, prefix: number, neverIndexed: boolean): HpackField {
    const index = readInteger(cursor, prefix);
    const name = index === 0 ? readString(cursor, this.#maxStringLength) : this.#entry(index).name;
    return new HpackField(name, readString(cursor, this.#maxStringLength), neverIndexed);
  }

  /** A literal without indexing: it changes nothing. */
  #skipLiteral(cursor: BlockCursor): void {
    const index = readInteger(cursor, 4);
    if (index === 0) skipString(cursor, this.#maxStringLength);
    else this.#entry(index);
    skipString(cursor, this.#maxStringLength);
  }

  /** RFC 7541 section 2.3.3: the static table comes first, then the dynamic one from its newest entry. */
  #entry(index: number): HpackField {
    const field = index <= STATIC_LENGTH ? STATIC_TABLE[index - 1] : this.#table.get(index - STATIC_LENGTH - 1);
    if (field === undefined) throw decodingError(`index ${index}, which is in neither table`);
    return field;
  }
}

function decodingError(what: string): ConnectionFault {
  return new ConnectionFault(ErrorCode.COMPRESSION_ERROR, `${what} in a field block`);
}
