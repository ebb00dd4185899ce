import { allAlgorithms } from "@trailsum/shared";

import type { ListEntry } from "../stores/store.ts";
import type { ListedDirectory } from "./listed-directory.ts";
import type { SortedEntries } from "./listing-order.ts";

/** An entry of a listing in JSON. */
export interface ListingEntry {
  /** Its name in the directory, decoded. */
  readonly name: string;
  /** Whether it is an object or a directory. */
  readonly kind: "object" | "directory";
  /** Bytes; only of an object. */
  readonly size?: number;
  /** RFC 3339. */
  readonly modified: string;
  /** Lower-case hex, by algorithm; only of an object whose digests are known. */
  readonly digests?: Readonly<Record<string, string>>;
  /** When the content was verified by digests of its sender, as RFC 3339; absent if it never was. */
  readonly verified?: string;
}

/** A listing in JSON. */
export interface Listing {
  /** The path of the directory: decoded, without slashes around it; empty for the root. */
  readonly path: string;
  /** The entries, in the order of the page. */
  readonly entries: readonly ListingEntry[];
}

/** A {@link Listing} as text, with an entry a line. */
export async function* listingJson({ path }: ListedDirectory, { each }: SortedEntries): AsyncGenerator<string> {
  yield `{"path":${JSON.stringify(path)},"entries":[`;
  let separator = "\n";
  for await (const entry of each) {
    yield separator + JSON.stringify(listingEntry(entry));
    separator = ",\n";
  }
  yield "\n]}\n";
}

function listingEntry({ name, kind, size, modified, digests, verified }: ListEntry): ListingEntry {
  const hex = allAlgorithms.flatMap((algorithm) => {
    const digest = digests?.values.get(algorithm);
    return digest === undefined ? [] : [[algorithm, digest.toString("hex")]];
  });
  return {
    name,
    kind,
    ...(kind === "object" && { size }),
    modified: modified.toISOString(),
    ...(hex.length > 0 && { digests: Object.fromEntries(hex) as Record<string, string> }),
    ...(verified !== undefined && { verified: verified.toISOString() }),
  };
}
