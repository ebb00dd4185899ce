import { checksumAlgorithms, checksumName, encodePath, S3Error, type S3Query, text, type Xml } from "@trailsum/s3";
import type { FieldLine } from "@trailsum/shared";

import { isHidden } from "../../access/dotfiles.ts";
import { byteOrderKey } from "../../stores/byte-order.ts";
import { objectPathOf } from "../../stores/object-path.ts";
import type { ListEntry, Store } from "../../stores/store.ts";
import type { S3Context } from "../s3-context.ts";
import type { BucketRequest } from "../s3-request.ts";
import { s3EntityTag } from "../stored-fields.ts";
import { owner } from "./buckets.ts";

/** The most keys of one page. */
const MAX_KEYS = 1000;

/** Which keys of a bucket are asked for. */
export interface KeySelection {
  readonly bucket: string;
  readonly prefix: string;
  /** The delimiter that groups keys; empty if they are not grouped. */
  readonly delimiter: string;
  /** Only what comes after this key. */
  readonly after: string;
  readonly max: number;
  readonly dotfiles: boolean;
}

/** One page of them, in byte order. */
export interface KeyPage {
  readonly objects: (ListEntry & { readonly key: string })[];
  readonly prefixes: string[];
  /** The last key or group of the page, if there are more. */
  readonly next: string | undefined;
}

/** What a request asks for, after a key. */
export function keySelection({ query, bucket }: BucketRequest, { dotfiles }: S3Context, after: string): KeySelection {
  return {
    bucket,
    prefix: query.get("prefix") ?? "",
    delimiter: query.get("delimiter") ?? "",
    after,
    max: query.integer("max-keys", MAX_KEYS) ?? MAX_KEYS,
    dotfiles,
  };
}

/** How a response writes keys: not every key can stand in XML as it is. */
export function keyEncoding(query: S3Query): {
  readonly encoding: string | undefined;
  readonly encode: (key: string) => string;
} {
  const encoding = query.get("encoding-type");
  if (encoding !== undefined && encoding !== "url")
    throw new S3Error("InvalidArgument", "Invalid Encoding Method specified in Request");
  return { encoding, encode: (key) => (encoding === "url" ? encodePath(key) : key) };
}

/** What a listing says of an object after its key. */
export function objectFacts(entry: ListEntry, withOwner: boolean): (Xml | undefined)[] {
  return [
    text("LastModified", entry.modified.toISOString()),
    text("ETag", s3EntityTag(entry)),
    ...checksumsOf(entry),
    text("Size", entry.size),
    withOwner ? owner() : undefined,
    text("StorageClass", "STANDARD"),
  ];
}

function checksumsOf({ digests, fields = [] }: ListEntry): (Xml | undefined)[] {
  const isOfParts = fields.some(([name]: FieldLine) => name.startsWith("x-amz-checksum-"));
  if (isOfParts || digests === undefined) return [];
  const known = checksumAlgorithms.filter((algorithm) => algorithm !== "md5" && digests.values.has(algorithm));
  if (known.length === 0) return [];
  return [
    ...known.map((algorithm) => text("ChecksumAlgorithm", checksumName(algorithm))),
    text("ChecksumType", "FULL_OBJECT"),
  ];
}

/** Reads one page of the keys of a bucket. */
export async function readKeyPage(store: Store, selection: KeySelection): Promise<KeyPage> {
  const { prefix, delimiter, after, max, dotfiles } = selection;
  const page: KeyPage & { next: string | undefined } = { objects: [], prefixes: [], next: undefined };
  const directory = prefix.slice(0, prefix.lastIndexOf("/") + 1);
  const entries = max === 0 ? undefined : await entriesBelow(store, directory, selection);
  let last: string | undefined;
  for await (const entry of entries ?? []) {
    const key = directory + entry.name + (entry.kind === "directory" ? "/" : "");
    if (!key.startsWith(prefix)) {
      if (byteOrderKey(key) > byteOrderKey(prefix)) break;
      continue;
    }
    if (isHidden(key) && !dotfiles) continue;
    const at = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
    const group = at === -1 ? undefined : key.slice(0, at + delimiter.length);
    // The group that the page before ended with, or this one has already.
    if (group !== undefined && (group === last || group === after)) continue;
    if (page.objects.length + page.prefixes.length === max) {
      page.next = last;
      break;
    }
    if (group !== undefined) page.prefixes.push(group);
    else if (entry.kind === "object") page.objects.push({ ...entry, key });
    else continue;
    last = group ?? key;
  }
  return page;
}

/** The entries of the directory that a prefix is in, or of all below it, after the key from which the page begins. */
async function entriesBelow(
  store: Store,
  directory: string,
  { bucket, delimiter, after }: KeySelection,
): Promise<AsyncIterable<ListEntry> | undefined> {
  const below = after.startsWith(directory);
  if (!below && byteOrderKey(after) > byteOrderKey(directory)) return undefined;
  const names = directory.split("/").slice(0, -1);
  // No object can have such a name.
  if (names.includes("")) return undefined;
  let path: string;
  try {
    ({ path } = objectPathOf([bucket, ...names]));
  } catch {
    return undefined;
  }
  return store.list(path, { recursive: delimiter !== "/", after: below ? after.slice(directory.length) : "" });
}
