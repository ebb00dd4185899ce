import { DEFAULT_TABLE_SIZE, DynamicTable } from "./dynamic-table.ts";
import { ENTRY_OVERHEAD } from "./field.ts";
import { type Indexing, type IndexingPolicy, indexRepeated } from "./indexing.ts";
import { writeInteger } from "./integer.ts";
import { STATIC_LENGTH, STATIC_TABLE, staticIndexes } from "./static-table.ts";
import { writeString } from "./string.ts";

/** An entry of the dynamic table, linked with those of the same name. */
interface IndexedLine {
  readonly name: string;
  readonly value: string;
  readonly size: number;
  /** How many entries were inserted before it. */
  readonly number: number;
  older: IndexedLine | undefined;
  newer: IndexedLine | undefined;
}

const NOTHING = Buffer.alloc(0);

/** So many entries of one name are compared with a line. */
const COMPARED = 16;

/** The octets that a literal takes besides its name and value, at the most; also those of the updates before a block. */
const LINE_OVERHEAD = 16;

/** The most octets that a line takes in a block, in any representation. */
export function encodedBound(name: string, value: string): number {
  // Huffman code is used only where it is shorter.
  return name.length + value.length + LINE_OVERHEAD;
}

/**
 * The sending half of HPACK (RFC 7541) for one connection: `begin`, `line` for each field line, `end`. Blocks must be sent in
 * the order in which they are encoded, all of them.
 */
export class HpackEncoder {
  readonly #policy: IndexingPolicy;
  readonly #table = new DynamicTable<IndexedLine>(DEFAULT_TABLE_SIZE, (line) => this.#forget(line));
  /** The newest entry of each name. */
  readonly #byName = new Map<string, IndexedLine>();
  #inserted = 0;
  /** The smallest size since the last block, and whether the next block has to begin with an update. */
  #smallest: number = DEFAULT_TABLE_SIZE;
  #resized = false;
  #target: Buffer = NOTHING;
  #at = 0;

  /** `policy` decides about lines that are in no table. @default {@link indexRepeated} */
  constructor(policy: IndexingPolicy = indexRepeated()) {
    this.#policy = policy;
  }

  /** Uses at most as much of the table as the peer's SETTINGS_HEADER_TABLE_SIZE allows, and never more than the default. */
  setTableLimit(limit: number): void {
    const size = Math.min(limit, DEFAULT_TABLE_SIZE);
    if (size === this.#table.maxSize) return;
    this.#smallest = this.#resized ? Math.min(this.#smallest, size) : size;
    this.#resized = true;
    this.#table.resize(size);
  }

  /** Begins a block at `at` of `target`, which has room for `encodedBound` of every line. */
  begin(target: Buffer, at: number): void {
    this.#target = target;
    this.#at = at;
    if (!this.#resized) return;
    // RFC 7541 section 4.2: the smallest size and the last one.
    const { maxSize } = this.#table;
    if (this.#smallest < maxSize) this.#at = writeInteger(this.#smallest, 5, 0x20, target, this.#at);
    this.#at = writeInteger(maxSize, 5, 0x20, target, this.#at);
    this.#resized = false;
  }

  /** Encodes a line. `name` is in lower case; both are latin1. `neverIndexed` overrides the policy. */
  line(name: string, value: string, neverIndexed = false): void {
    const indexes = staticIndexes(name);
    const newest = this.#byName.get(name);
    if (!neverIndexed) {
      const index = staticIndex(indexes, value) ?? this.#dynamicIndex(newest, value);
      if (index !== undefined) {
        this.#at = writeInteger(index, 7, 0x80, this.#target, this.#at);
        return;
      }
    }
    const nameIndex = indexes?.[0] ?? (newest === undefined ? 0 : this.#indexOf(newest));
    const indexing = neverIndexed ? "never" : this.#policy(name, value);
    this.#literal(indexing, nameIndex, name, value);
    if (indexing === "incremental") this.#insert(name, value, newest);
  }

  /** Ends the block, and returns the position after it. */
  end(): number {
    // An idle connection holds no buffer.
    this.#target = NOTHING;
    return this.#at;
  }

  #literal(indexing: Indexing, nameIndex: number, name: string, value: string): void {
    const target = this.#target;
    let at = this.#at;
    if (indexing === "incremental") at = writeInteger(nameIndex, 6, 0x40, target, at);
    else at = writeInteger(nameIndex, 4, indexing === "never" ? 0x10 : 0x00, target, at);
    if (nameIndex === 0) at = writeString(name, target, at);
    this.#at = writeString(value, target, at);
  }

  #dynamicIndex(newest: IndexedLine | undefined, value: string): number | undefined {
    let entry = newest;
    for (let compared = 0; entry !== undefined && compared < COMPARED; compared += 1) {
      if (entry.value === value) return this.#indexOf(entry);
      entry = entry.older;
    }
    return undefined;
  }

  #indexOf(entry: IndexedLine): number {
    return STATIC_LENGTH + this.#inserted - entry.number;
  }

  #insert(name: string, value: string, newest: IndexedLine | undefined): void {
    const size = name.length + value.length + ENTRY_OVERHEAD;
    const entry: IndexedLine = {
      name: copyOf(name),
      value: copyOf(value),
      size,
      number: this.#inserted,
      older: undefined,
      newer: undefined,
    };
    if (!this.#table.insert(entry)) return;
    this.#inserted += 1;
    // Eviction may have removed the newest entry of the name, too.
    if (newest !== undefined && this.#byName.get(name) === newest) {
      entry.older = newest;
      newest.newer = entry;
    }
    this.#byName.set(entry.name, entry);
  }

  /** Entries leave oldest first, so the one that leaves is the oldest of its name. */
  #forget(entry: IndexedLine): void {
    if (entry.newer === undefined) this.#byName.delete(entry.name);
    else entry.newer.older = undefined;
  }
}

/** A string of its own: one that was cut from a field section keeps all of the section in memory. */
function copyOf(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}

function staticIndex(indexes: readonly number[] | undefined, value: string): number | undefined {
  return indexes?.find((index) => STATIC_TABLE[index - 1]!.value === value);
}
