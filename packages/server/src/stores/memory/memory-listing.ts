import { byteOrderKey } from "../byte-order.ts";
import type { MemoryVersion } from "./memory-store.ts";
import type { ListEntry, ListOptions } from "../store.ts";

/** What is in a directory of a memory store; undefined if no object is below it, and it was not made. */
export function listMemory(
  versions: ReadonlyMap<string, MemoryVersion>,
  directories: ReadonlyMap<string, Date>,
  directory: string,
  { recursive = false, after = "" }: ListOptions = {},
): AsyncIterable<ListEntry> | undefined {
  const prefix = directory === "" ? "" : `${directory}/`;
  const isBelow = (path: string): boolean => path.startsWith(prefix);
  const isThere =
    directory === "" ||
    directories.has(directory) ||
    anyOf(versions.keys(), isBelow) ||
    anyOf(directories.keys(), isBelow);
  // Its entries are read on request: S3 needs only its existence, for every object.
  return isThere ? entriesBelow() : undefined;

  async function* entriesBelow(): AsyncGenerator<ListEntry> {
    const entries = new Map<string, ListEntry>();
    const addDirectory = (path: string, modified: Date): void => {
      const name = path.slice(0, path.indexOf("/"));
      const key = byteOrderKey(`${name}/`);
      const newest = Math.max(modified.getTime(), entries.get(key)?.modified.getTime() ?? 0);
      entries.set(key, { name, kind: "directory", size: 0, modified: new Date(newest) });
    };
    for (const [path, { size, modified, digests, verified, fields }] of versions) {
      if (!isBelow(path)) continue;
      const name = path.slice(prefix.length);
      if (!recursive && name.includes("/")) addDirectory(name, modified);
      else entries.set(byteOrderKey(name), { name, kind: "object", size, modified, digests, verified, fields });
    }
    for (const [path, modified] of recursive ? [] : directories) {
      if (isBelow(path)) addDirectory(`${path.slice(prefix.length)}/`, modified);
    }
    const listed = [...entries].filter(([key]) => key > byteOrderKey(after));
    for (const [, entry] of listed.toSorted(([one], [other]) => (one < other ? -1 : 1))) yield entry;
  }
}

function anyOf(paths: Iterable<string>, holds: (path: string) => boolean): boolean {
  for (const path of paths) if (holds(path)) return true;
  return false;
}
