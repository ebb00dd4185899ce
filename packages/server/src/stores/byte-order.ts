/** Something that is listed in the order of the bytes of its key. */
export interface Keyed {
  /** Its key as {@link byteOrderKey} gives it: two of them compare as their bytes do. */
  readonly key: string;
}

/** The bytes of a text in UTF-8, one a character: JavaScript compares the UTF-16 of the text itself, in another order. */
export function byteOrderKey(text: string): string {
  return Buffer.from(text).toString("latin1");
}

/** The first key that comes after this one. */
export function keyAfter(key: string): string {
  return `${key}\0`;
}

/**
 * The entries whose keys are not before `from`, in the order of the keys. They are read again and again from `scan`, so
 * that at most twice `batch` of them are in memory. What comes or goes between two scans may be listed or not.
 */
export async function* inByteOrder<T extends Keyed>(
  scan: () => AsyncIterable<T>,
  from: string,
  batch = 20_000,
): AsyncGenerator<T> {
  for (let next = from; ;) {
    const lowest: T[] = [];
    for await (const entry of scan()) {
      if (entry.key < next) continue;
      lowest.push(entry);
      if (lowest.length === 2 * batch) keepLowest(lowest, batch);
    }
    keepLowest(lowest, batch);
    yield* lowest;
    const last = lowest.at(-1);
    if (last === undefined || lowest.length < batch) return;
    next = keyAfter(last.key);
  }
}

function keepLowest(entries: Keyed[], count: number): void {
  entries.sort((one, other) => (one.key < other.key ? -1 : 1));
  entries.length = Math.min(entries.length, count);
}
