/** What an entry of a table takes besides its octets (RFC 7541 section 4.1). */
export const ENTRY_OVERHEAD = 32;

/** One field line as HPACK carries it. Entries of the tables are shared by all field sections that refer to them. */
export class HpackField {
  /** Octets as latin1, as they were on the wire. */
  readonly name: string;
  /** Octets as latin1, as they were on the wire. */
  readonly value: string;
  /** Whether an intermediary must encode it as a never-indexed literal again (RFC 7541 section 6.2.3). */
  readonly neverIndexed: boolean;
  /**
   * For the reader of the section, which writes here what it has found out about the line: a line from a table is then
   * looked at once and not in every message. 0 at first.
   */
  kind = 0;

  constructor(name: string, value: string, neverIndexed = false) {
    this.name = name;
    this.value = value;
    this.neverIndexed = neverIndexed;
  }

  /** Its size in a table and in a field list, in octets (RFC 7541 section 4.1, RFC 9113 section 6.5.2). */
  get size(): number {
    return this.name.length + this.value.length + ENTRY_OVERHEAD;
  }
}
