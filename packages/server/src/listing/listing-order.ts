import { TrailsumError } from "@trailsum/shared";

import type { ListEntry } from "../stores/store.ts";

/** What a listing can be sorted by. */
export type SortKey = "name" | "size" | "modified";

/** How a listing is sorted. */
export interface ListingOrder {
  readonly sort: SortKey;
  readonly descending: boolean;
}

/** Entries in the order in which they are listed. */
export interface SortedEntries {
  readonly order: ListingOrder;
  /** All of them in memory; undefined if they are too many, and are listed as the store gives them. */
  readonly all: readonly ListEntry[] | undefined;
  /** The same entries, each of which is given once. */
  readonly each: AsyncIterable<ListEntry> | readonly ListEntry[];
}

/** How many entries are sorted, at most. */
export const MAX_SORTED = 10_000;

/** Reads the query of a listing: `?sort=size&order=desc`. Throws `NOT_SUPPORTED` for any other. */
export function parseListingOrder(target: string): ListingOrder {
  const query = target.split("?", 2)[1] ?? "";
  const order = { sort: "name" as SortKey, descending: false };
  for (const [name, value] of new URLSearchParams(query)) {
    if (name === "sort" && isSortKey(value)) order.sort = value;
    else if (name === "order" && (value === "asc" || value === "desc")) order.descending = value === "desc";
    else {
      const advice = "use ?sort=name, size or modified, and order=asc or desc";
      throw new TrailsumError("NOT_SUPPORTED", `a directory is not listed by this query: ${advice}`);
    }
  }
  return order;
}

/** Sorts entries: directories first. More than {@link MAX_SORTED} stay in the order of the store. */
export async function sortEntries(listed: AsyncIterable<ListEntry>, order: ListingOrder): Promise<SortedEntries> {
  const iterator = listed[Symbol.asyncIterator]();
  const all: ListEntry[] = [];
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const next = await iterator.next();
    if (next.done === true) break;
    all.push(next.value);
    if (all.length > MAX_SORTED) {
      return { order: { sort: "name", descending: false }, all: undefined, each: both(all, iterator) };
    }
  }
  const sign = order.descending ? -1 : 1;
  const byKey = COMPARE[order.sort];
  all.sort((a, b) => byKind(a, b) || sign * byKey(a, b) || byName(a, b));
  return { order, all, each: all };
}

/** The entries taken already, then the rest. The iterator is closed if it is not read completely. */
async function* both(taken: readonly ListEntry[], rest: AsyncIterator<ListEntry>): AsyncGenerator<ListEntry> {
  try {
    yield* taken;
    yield* { [Symbol.asyncIterator]: () => rest };
  } finally {
    await rest.return?.();
  }
}

const { compare } = new Intl.Collator("en", { numeric: true });

const byKind = (a: ListEntry, b: ListEntry): number => Number(a.kind === "object") - Number(b.kind === "object");
const byName = (a: ListEntry, b: ListEntry): number => compare(a.name, b.name);

const COMPARE: Readonly<Record<SortKey, (a: ListEntry, b: ListEntry) => number>> = {
  name: byName,
  size: (a, b) => a.size - b.size,
  modified: (a, b) => a.modified.getTime() - b.modified.getTime(),
};

function isSortKey(text: string): text is SortKey {
  return Object.hasOwn(COMPARE, text);
}
