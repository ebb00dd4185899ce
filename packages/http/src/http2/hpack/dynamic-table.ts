/** What a dynamic table keeps. */
export interface TableEntry {
  /** Octets, its overhead included (RFC 7541 section 4.1). */
  readonly size: number;
}

/** The size of a dynamic table before SETTINGS say otherwise (RFC 9113 section 6.5.2). Octets. */
export const DEFAULT_TABLE_SIZE = 4096;

/**
 * A dynamic table (RFC 7541 section 2.3.2): first in, first out, bounded by the sum of the sizes of its entries. Its octets
 * take memory only once there are entries.
 */
export class DynamicTable<Entry extends TableEntry> {
  /** The sum of the sizes of its entries. Octets. */
  size = 0;
  /** How many entries it has. */
  length = 0;
  #maxSize: number;
  /** A ring of a power of two: the oldest entry is at `#first`. */
  #ring: (Entry | undefined)[] = [];
  #first = 0;
  readonly #onEvicted: ((entry: Entry) => void) | undefined;

  /** `maxSize` in octets; `onEvicted` is given each entry that leaves the table. */
  constructor(maxSize: number, onEvicted?: (entry: Entry) => void) {
    this.#maxSize = maxSize;
    this.#onEvicted = onEvicted;
  }

  /** The bound on its size. Octets. */
  get maxSize(): number {
    return this.#maxSize;
  }

  /** Changes the bound, and evicts what exceeds it (RFC 7541 section 4.3). */
  resize(maxSize: number): void {
    this.#maxSize = maxSize;
    this.#evictTo(maxSize);
  }

  /** The entry that was inserted `age` insertions before the newest one, which has the age 0. */
  get(age: number): Entry | undefined {
    if (age >= this.length) return undefined;
    return this.#ring[(this.#first + this.length - 1 - age) & (this.#ring.length - 1)];
  }

  /** Inserts an entry after eviction has made room. False where it is larger than the whole table, which it empties. */
  insert(entry: Entry): boolean {
    this.#evictTo(this.#maxSize - entry.size);
    // RFC 7541 section 4.4: it is not an error to attempt it.
    if (entry.size > this.#maxSize) return false;
    if (this.length === this.#ring.length) this.#grow();
    this.#ring[(this.#first + this.length) & (this.#ring.length - 1)] = entry;
    this.length += 1;
    this.size += entry.size;
    return true;
  }

  #evictTo(size: number): void {
    while (this.size > size && this.length > 0) {
      const entry = this.#ring[this.#first]!;
      this.#ring[this.#first] = undefined;
      this.#first = (this.#first + 1) & (this.#ring.length - 1);
      this.length -= 1;
      this.size -= entry.size;
      this.#onEvicted?.(entry);
    }
  }

  #grow(): void {
    const entries = [...this.#ring.slice(this.#first), ...this.#ring.slice(0, this.#first)];
    this.#ring = entries;
    this.#first = 0;
    const room = Math.max(8, entries.length * 2);
    while (entries.length < room) entries.push(undefined);
  }
}
