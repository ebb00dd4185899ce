import { byteOrderKey } from "./byte-order.ts";
import type { MemoryVersion } from "./memory-store.ts";
import type { ListEntry, ListOptions } from "./store.ts";

/** What is in a directory of a memory store; undefined if no object is below it, and it was not made. */
export function listMemory(
  versions: ReadonlyMap<string, MemoryVersion>,
  directories: ReadonlyMap<string, Date>,
  directory: string,
  { recursive = false, after = "" }: ListOptions = {},
): AsyncIterable<ListEntry> | undefined {
  const prefix = directory === "" ? "" : `${directory}/`;
  const below = [...versions].filter(([path]) => path.startsWith(prefix));
  const made = [...directories].filter(([path]) => path.startsWith(prefix));
  if (below.length === 0 && made.length === 0 && directory !== "" && !directories.has(directory)) return undefined;

  const entries = new Map<string, ListEntry>();
  const addDirectory = (path: string, modified: Date): void => {
    const name = path.slice(0, path.indexOf("/"));
    const key = byteOrderKey(`${name}/`);
    const newest = Math.max(modified.getTime(), entries.get(key)?.modified.getTime() ?? 0);
    entries.set(key, { name, kind: "directory", size: 0, modified: new Date(newest) });
  };
  for (const [path, { size, modified, digests, verified, fields }] of below) {
    const name = path.slice(prefix.length);
    if (!recursive && name.includes("/")) addDirectory(name, modified);
    else entries.set(byteOrderKey(name), { name, kind: "object", size, modified, digests, verified, fields });
  }
  if (!recursive) for (const [path, modified] of made) addDirectory(`${path.slice(prefix.length)}/`, modified);
  const listed = [...entries].filter(([key]) => key > byteOrderKey(after));
  return inOrder(listed.toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

async function* inOrder(entries: readonly (readonly [string, ListEntry])[]): AsyncGenerator<ListEntry> {
  for (const [, entry] of entries) yield entry;
}
