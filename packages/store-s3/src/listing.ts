import type { ListEntry, ListOptions } from "@trailsum/server";
import { byteOrderKey, isNameable } from "@trailsum/server/stores";

import type { S3Bucket } from "./bucket.ts";
import { hasKeys } from "./directories.ts";
import type { StoreKeys } from "./store-keys.ts";
import type { Versions } from "./versions.ts";

/** What a listing needs of its store. */
export interface ListingOptions {
  readonly bucket: S3Bucket;
  readonly keys: StoreKeys;
  readonly versions: Versions;
}

/** How many objects are looked up at once: a list in S3 has no metadata. */
const AT_ONCE = 16;

/** A name in a list, and its entry. */
type Found = Pick<ListEntry, "name" | "kind">;

/** What is in a directory, page by page; undefined if no key is below it. */
export async function listBucket(
  { bucket, keys, versions }: ListingOptions,
  directory: string,
  { recursive = false, after = "" }: ListOptions,
): Promise<AsyncIterable<ListEntry> | undefined> {
  const prefix = directory === "" ? keys.prefix : `${keys.object(directory)}/`;
  if (directory !== "" && !(await hasKeys(bucket, prefix))) return undefined;

  const describe = async ({ name, kind }: Found): Promise<ListEntry | undefined> => {
    // Directories are only prefixes of keys, and have no date.
    if (kind === "directory") return { name, kind, size: 0, modified: new Date(0) };
    const version = await versions.current(`${prefix}${name}`);
    if (version === undefined) return undefined;
    const { size, modified, digests, fields, verified } = version;
    return { name, kind, size, modified, digests, fields, verified };
  };

  const pages = async function* (): AsyncGenerator<readonly Found[]> {
    for (let token: string | undefined, more = true; more; more = token !== undefined) {
      const page = await bucket.list({
        Prefix: prefix,
        ...(!recursive && { Delimiter: "/" }),
        ...(after !== "" && token === undefined && { StartAfter: `${prefix}${after}` }),
        ContinuationToken: token,
      });
      const objects = (page.Contents ?? []).map(({ Key = "" }) => Key.slice(prefix.length));
      const directories = (page.CommonPrefixes ?? []).map(({ Prefix = "" }) => Prefix.slice(prefix.length));
      yield inOrder([...objects, ...directories], after).flatMap((key): Found[] => {
        const kind = key.endsWith("/") ? "directory" : "object";
        const name = kind === "directory" ? key.slice(0, -1) : key;
        // In a recursive list, what ends in "/" is an object by which other software marks a directory.
        return isListed(name, directory === "") && !(recursive && kind === "directory") ? [{ name, kind }] : [];
      });
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    }
  };
  return describeAll(pages(), describe);
}

/** S3 gives the objects and the directories of a page apart. */
function inOrder(names: readonly string[], after: string): string[] {
  const from = byteOrderKey(after);
  return names
    .map((name) => [byteOrderKey(name), name] as const)
    .filter(([key]) => key > from)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([, name]) => name);
}

/** Whether a request can name it. */
function isListed(name: string, root: boolean): boolean {
  const segments = name.split("/");
  return segments.every(
    (segment, at) => segment !== "" && segment !== "." && segment !== ".." && isNameable(segment, root && at === 0),
  );
}

/** Looks up the entries of pages, several at a time, in order. Entries that no longer exist are left out. */
async function* describeAll(
  pages: AsyncIterable<readonly Found[]>,
  describe: (found: Found) => Promise<ListEntry | undefined>,
): AsyncGenerator<ListEntry> {
  for await (const page of pages) {
    for (let at = 0; at < page.length; at += AT_ONCE) {
      const described = await Promise.all(page.slice(at, at + AT_ONCE).map(describe));
      for (const entry of described) if (entry !== undefined) yield entry;
    }
  }
}
