import type { Dirent } from "node:fs";
import { lstat, opendir } from "node:fs/promises";

import { fileErrorCode, unlessAbsent } from "@trailsum/files";
import { TrailsumError } from "@trailsum/shared";

import { isNameable } from "../object-path.ts";
import { byteOrderKey, inByteOrder, type Keyed, keyAfter } from "../byte-order.ts";
import type { DigestRecords } from "./digest-records.ts";
import type { DirectoryRoot } from "./directory-root.ts";
import { fileError } from "./file-errors.ts";
import type { ListEntry, ListOptions } from "../store.ts";

/** An entry of a directory that a request can name. */
interface Found extends Keyed {
  /** Its path below the root of the store. */
  readonly path: string;
  readonly kind: ListEntry["kind"];
  readonly link: boolean;
}

/** What is in a directory of the store; undefined if the directory does not exist. */
export async function listDirectory(
  root: DirectoryRoot,
  records: DigestRecords,
  directory: string,
  { recursive = false, after = "" }: ListOptions,
): Promise<AsyncIterable<ListEntry> | undefined> {
  if ((await realDirectory(root, directory)) === undefined) return undefined;
  const key = byteOrderKey(after);
  const found = recursive ? walk(root, directory, key) : entries(root, directory, after === "" ? "" : keyAfter(key));
  return describeAll(found, async ({ path, kind }) => {
    const real = await root.resolve(path);
    const stats = real === undefined ? undefined : await unlessAbsent(lstat(real, { bigint: true }));
    if (real === undefined || stats === undefined) return undefined;
    const name = directory === "" ? path : path.slice(directory.length + 1);
    if (kind === "directory") return { name, kind, size: 0, modified: stats.mtime };
    const recorded = await records.read(root.keyOf(real), stats);
    const { digests, verified, fields } = recorded ?? {};
    return { name, kind, size: Number(stats.size), modified: stats.mtime, digests, verified, fields };
  });
}

/** All objects below a directory whose keys come after `after`. */
async function* walk(root: DirectoryRoot, directory: string, after: string): AsyncGenerator<Found> {
  const slash = after.indexOf("/") + 1;
  // Of the directory that `after` is in, some objects may come after it.
  const partly = after.slice(0, slash);
  const from = slash > 0 ? partly : after && keyAfter(after);
  for await (const found of entries(root, directory, from)) {
    if (found.kind === "object") yield found;
    else if (!found.link) yield* walk(root, found.path, slash > 0 && found.key === partly ? after.slice(slash) : "");
  }
}

function entries(root: DirectoryRoot, directory: string, from: string): AsyncGenerator<Found> {
  return inByteOrder(() => scan(root, directory), from);
}

/** The entries of a directory that a request can name, as the file system gives them. */
async function* scan(root: DirectoryRoot, directory: string): AsyncGenerator<Found> {
  const real = await realDirectory(root, directory);
  const handle = real === undefined ? undefined : await unlessAbsent(opendir(real));
  for await (const entry of handle ?? []) {
    if (!isNameable(entry.name, directory === "")) continue;
    const path = directory === "" ? entry.name : `${directory}/${entry.name}`;
    const kind = await kindOf(root, path, entry);
    if (kind === undefined) continue;
    const key = byteOrderKey(kind === "directory" ? `${entry.name}/` : entry.name);
    yield { path, kind, key, link: entry.isSymbolicLink() };
  }
}

/** Undefined for what is neither a file nor a directory, and for links that lead nowhere or outside. */
async function kindOf(root: DirectoryRoot, path: string, entry: Dirent): Promise<ListEntry["kind"] | undefined> {
  if (entry.isFile()) return "object";
  if (entry.isDirectory()) return "directory";
  // A link, or a file system that does not say what its entries are.
  try {
    const real = await root.resolve(path);
    const stats = real === undefined ? undefined : await unlessAbsent(lstat(real));
    if (stats?.isFile() === true) return "object";
    return stats?.isDirectory() === true ? "directory" : undefined;
  } catch (error) {
    if (error instanceof TrailsumError || fileErrorCode(error) === "ELOOP") return undefined;
    throw error;
  }
}

async function realDirectory(root: DirectoryRoot, directory: string): Promise<string | undefined> {
  const real = directory === "" ? root.directory : await root.resolve(directory);
  const stats = real === undefined ? undefined : await unlessAbsent(lstat(real));
  return stats?.isDirectory() === true ? real : undefined;
}

/** How many entries are looked up at once. */
const AT_ONCE = 32;

/** Looks up entries, several at a time, in order. Entries that no longer exist are left out. */
async function* describeAll(
  found: AsyncIterable<Found>,
  describe: (found: Found) => Promise<ListEntry | undefined>,
): AsyncGenerator<ListEntry> {
  const described = async function* (batch: readonly Found[]): AsyncGenerator<ListEntry> {
    for (const entry of await Promise.all(batch.map(describe))) if (entry !== undefined) yield entry;
  };
  try {
    let batch: Found[] = [];
    for await (const entry of found) {
      batch.push(entry);
      if (batch.length < AT_ONCE) continue;
      yield* described(batch);
      batch = [];
    }
    yield* described(batch);
  } catch (error) {
    throw fileError(error, "FILE_UNREADABLE");
  }
}
