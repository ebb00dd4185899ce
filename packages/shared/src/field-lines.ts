import { TrailsumError } from "./errors.ts";
import { listMembers, sameFieldName } from "./field-syntax.ts";

/** One field line: its name in the case it had on the wire, and its value as latin1 text. */
export type FieldLine = readonly [name: string, value: string];

/**
 * The field lines of a header or trailer section, as received: order, duplicates, empty values and the
 * case of names are kept, and look-up ignores case. It is a list and never an object keyed by what a stranger sent.
 *
 * Instances are immutable: `set`, `delete`, `with` and `without` return new ones, and a result that is not assigned has
 * no effect. In a hook, write `out.header = out.header.set("Authorization", token)`.
 */
export class FieldLines implements Iterable<FieldLine> {
  /** Nothing at all. */
  static readonly empty: FieldLines = new FieldLines([]);

  /** Name, value, name, value, ...: the shape of node:http's `rawHeaders` and `rawTrailers`. */
  readonly raw: readonly string[];

  private constructor(raw: readonly string[]) {
    this.raw = raw;
  }

  /** From a flat list of names and values, strings or latin1 buffers: node:http's and undici's raw form. */
  static fromRaw(raw: readonly (string | Uint8Array)[]): FieldLines {
    if (raw.length === 0) return FieldLines.empty;
    if (raw.length % 2 !== 0)
      throw new TrailsumError("USAGE", "a flat list of field lines needs an even number of entries");
    return new FieldLines(isAllText(raw) ? raw.slice() : raw.map(textOf));
  }

  /** From a flat list, which is kept without a copy: the caller must not change it any more. */
  static owning(raw: readonly string[]): FieldLines {
    return raw.length === 0 ? FieldLines.empty : new FieldLines(raw);
  }

  /** From name and value pairs, in their order. */
  static from(lines: Iterable<FieldLine>): FieldLines {
    const raw: string[] = [];
    for (const [name, value] of lines) raw.push(name, value);
    return raw.length === 0 ? FieldLines.empty : new FieldLines(raw);
  }

  /** How many lines there are. */
  get length(): number {
    return this.raw.length / 2;
  }

  /** The values of every line of this name, in order; empty without such a line. */
  getAll(name: string): string[] {
    const values: string[] = [];
    for (let at = 0; at < this.raw.length; at += 2) {
      if (sameFieldName(this.raw[at]!, name)) values.push(this.raw[at + 1]!);
    }
    return values;
  }

  /** The combined value of a list-based field: all its lines joined with ", " (RFC 9110 section 5.3). */
  get(name: string): string | undefined {
    let value: string | undefined;
    for (let at = 0; at < this.raw.length; at += 2) {
      if (sameFieldName(this.raw[at]!, name))
        value = value === undefined ? this.raw[at + 1]! : `${value}, ${this.raw[at + 1]!}`;
    }
    return value;
  }

  /** Whether a line of this name is there, even an empty one. */
  has(name: string): boolean {
    for (let at = 0; at < this.raw.length; at += 2) {
      if (sameFieldName(this.raw[at]!, name)) return true;
    }
    return false;
  }

  /** The members of a list of tokens over all lines of this name, such as the options of `Connection`. */
  list(name: string): string[] {
    const values = this.getAll(name);
    return values.length === 0 ? values : values.flatMap(listMembers);
  }

  /**
   * Returns these lines with `name` exactly once, with this value, like Go's `Header.Set`: the first line of that name is
   * replaced in place and further ones are removed; without one, the line is added at the end. Names are
   * compared without regard to case, and the new line uses the given spelling of `name`.
   */
  set(name: string, value: string): FieldLines {
    const raw: string[] = [];
    let isSet = false;
    for (let at = 0; at < this.raw.length; at += 2) {
      if (!sameFieldName(this.raw[at]!, name)) raw.push(this.raw[at]!, this.raw[at + 1]!);
      else if (!isSet) {
        raw.push(name, value);
        isSet = true;
      }
    }
    if (!isSet) raw.push(name, value);
    return new FieldLines(raw);
  }

  /**
   * Returns these lines without any of this name, like Go's `Header.Del`. Names are compared without regard to case;
   * where there is no such line, the instance itself is returned.
   */
  delete(name: string): FieldLines {
    return this.has(name) ? this.without((other) => sameFieldName(other, name)) : this;
  }

  /** Returns these lines and one more at the end, whether or not there is a line of this name already: see {@link set}. */
  with(name: string, value: string): FieldLines {
    return new FieldLines([...this.raw, name, value]);
  }

  /** Returns these lines without those for whose name, as received, `refuse` returns true. */
  without(refuse: (name: string) => boolean): FieldLines {
    const kept: string[] = [];
    for (let at = 0; at < this.raw.length; at += 2) {
      if (!refuse(this.raw[at]!)) kept.push(this.raw[at]!, this.raw[at + 1]!);
    }
    return kept.length === 0 ? FieldLines.empty : new FieldLines(kept);
  }

  /** The lines in order, as pairs of name and value. */
  *[Symbol.iterator](): Generator<FieldLine> {
    for (let at = 0; at < this.raw.length; at += 2) yield [this.raw[at]!, this.raw[at + 1]!];
  }
}

function isAllText(raw: readonly (string | Uint8Array)[]): raw is readonly string[] {
  for (const entry of raw) if (typeof entry !== "string") return false;
  return true;
}

function textOf(entry: string | Uint8Array): string {
  return typeof entry === "string" ? entry : Buffer.from(entry).toString("latin1");
}
