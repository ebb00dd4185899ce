import { byteOrderKey } from "./byte-order.ts";
import type { MemoryVersion } from "./memory-store.ts";
import type { ListEntry, ListOptions } from "./store.ts";

/** What is in a directory of a memory store; undefined if no object is below it. */
export function listMemory(
  versions: ReadonlyMap<string, MemoryVersion>,
  directory: string,
  { recursive = false, after = "" }: ListOptions = {},
): AsyncIterable<ListEntry> | undefined {
  const prefix = directory === "" ? "" : `${directory}/`;
  const below = [...versions].filter(([path]) => path.startsWith(prefix));
  if (below.length === 0 && directory !== "") return undefined;

  const entries = new Map<string, ListEntry>();
  for (const [path, { size, modified, digests, verified }] of below) {
    const name = path.slice(prefix.length);
    const slash = name.indexOf("/");
    if (recursive || slash < 0) {
      entries.set(byteOrderKey(name), { name, kind: "object", size, modified, digests, verified });
      continue;
    }
    const key = byteOrderKey(name.slice(0, slash + 1));
    const newest = Math.max(modified.getTime(), entries.get(key)?.modified.getTime() ?? 0);
    entries.set(key, { name: name.slice(0, slash), kind: "directory", size: 0, modified: new Date(newest) });
  }
  const listed = [...entries].filter(([key]) => key > byteOrderKey(after));
  return inOrder(listed.toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

async function* inOrder(entries: readonly (readonly [string, ListEntry])[]): AsyncGenerator<ListEntry> {
  for (const [, entry] of entries) yield entry;
}
