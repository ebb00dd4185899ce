import {
  S3Error,
  type Xml,
  checksumAlgorithms,
  checksumName,
  element,
  encodePath,
  text,
  xmlDocument,
} from "@trailsum/s3";
import { type FieldLine } from "@trailsum/shared";

import { isHidden } from "../../access/dotfiles.ts";
import { objectPathOf } from "../../stores/object-path.ts";
import { byteOrderKey } from "../../stores/byte-order.ts";
import type { ListEntry, Store } from "../../stores/store.ts";
import { type BucketOperation, checkBucket } from "../s3-context.ts";
import { sendXml } from "../s3-response.ts";
import { s3EntityTag } from "../stored-fields.ts";
import { owner } from "./buckets.ts";

/** The most keys of one page. */
const MAX_KEYS = 1000;

/** What is asked for. */
interface Selection {
  readonly bucket: string;
  readonly prefix: string;
  /** The delimiter that groups keys; empty if they are not grouped. */
  readonly delimiter: string;
  /** Only what comes after this key. */
  readonly after: string;
  readonly max: number;
  readonly dotfiles: boolean;
}

interface Page {
  readonly objects: (ListEntry & { readonly key: string })[];
  readonly prefixes: string[];
  /** The last key or group of the page, if there are more. */
  readonly next: string | undefined;
}

/** ListObjects, both versions. */
export const listObjects: BucketOperation = async (request, context) => {
  const { query, bucket } = request;
  await checkBucket(request, context);
  const version2 = query.get("list-type") === "2";
  const encoding = query.get("encoding-type");
  if (encoding !== undefined && encoding !== "url")
    throw new S3Error("InvalidArgument", "Invalid Encoding Method specified in Request");
  const encode = (name: string): string => (encoding === "url" ? encodePath(name) : name);
  const token = query.get("continuation-token");
  const startAfter = query.get(version2 ? "start-after" : "marker") ?? "";
  const selection: Selection = {
    bucket,
    prefix: query.get("prefix") ?? "",
    delimiter: query.get("delimiter") ?? "",
    after: version2 && token !== undefined ? parseToken(token) : startAfter,
    max: query.integer("max-keys", MAX_KEYS) ?? MAX_KEYS,
    dotfiles: context.dotfiles,
  };
  const { objects, prefixes, next } = await readPage(context.store, selection);
  const withOwner = !version2 || query.get("fetch-owner") === "true";
  const { prefix, delimiter, max } = selection;
  const paging = version2
    ? [
        text("KeyCount", objects.length + prefixes.length),
        text("ContinuationToken", token),
        text("NextContinuationToken", next && formatToken(next)),
        text("StartAfter", startAfter === "" ? undefined : encode(startAfter)),
      ]
    : [text("Marker", encode(startAfter)), text("NextMarker", next && encode(next))];
  const document = xmlDocument("ListBucketResult", [
    text("Name", bucket),
    text("Prefix", encode(prefix)),
    text("Delimiter", delimiter === "" ? undefined : encode(delimiter)),
    text("MaxKeys", max),
    text("EncodingType", encoding),
    text("IsTruncated", String(next !== undefined)),
    ...paging,
    ...objects.map((object) => describe(object, encode(object.key), withOwner)),
    ...prefixes.map((each) => element("CommonPrefixes", [text("Prefix", encode(each))])),
  ]);
  sendXml(request, document);
};

function describe(entry: ListEntry, key: string, withOwner: boolean): Xml {
  return element("Contents", [
    text("Key", key),
    text("LastModified", entry.modified.toISOString()),
    text("ETag", s3EntityTag(entry)),
    ...checksumsOf(entry),
    text("Size", entry.size),
    withOwner ? owner() : undefined,
    text("StorageClass", "STANDARD"),
  ]);
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

async function readPage(store: Store, selection: Selection): Promise<Page> {
  const { prefix, delimiter, after, max, dotfiles } = selection;
  const page: Page & { next: string | undefined } = { objects: [], prefixes: [], next: undefined };
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
  { bucket, delimiter, after }: Selection,
): Promise<AsyncIterable<ListEntry> | undefined> {
  const below = after.startsWith(directory);
  if (!below && byteOrderKey(after) > byteOrderKey(directory)) return undefined;
  let path: string;
  try {
    ({ path } = objectPathOf([bucket, ...directory.split("/").slice(0, -1)]));
  } catch {
    // No object can have such a name.
    return undefined;
  }
  return store.list(path, { recursive: delimiter !== "/", after: below ? after.slice(directory.length) : "" });
}

function formatToken(key: string): string {
  return Buffer.from(key).toString("base64url");
}

function parseToken(token: string): string {
  if (/^[\w-]{1,8192}$/.test(token)) return Buffer.from(token, "base64url").toString();
  throw new S3Error("InvalidArgument", "The continuation token provided is incorrect");
}
