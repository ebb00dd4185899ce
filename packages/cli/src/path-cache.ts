import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { PathKnowledge, TrailerPassage } from "@trailsum/client";

import { cacheDirectory } from "./cache-directory.ts";

/** How long what was seen of a path counts. Paths change: a day is shorter than most. Milliseconds. */
const LIFETIME = 24 * 60 * 60 * 1_000;
const MAX_ORIGINS = 200;
const MAX_BYTES = 65_536;

interface Entry {
  readonly trailers: TrailerPassage;
  /** When it was seen, in milliseconds since 1970. */
  readonly at: number;
}

/**
 * What the command knows of paths, kept in a file so that the next run need not find it out again. It is an optimization: a
 * file that cannot be read, parsed or written is ignored. Several processes may write it: each replaces it in
 * one step with what is there and its own.
 */
export function createPathCache(
  directory: string | undefined = cacheDirectory(),
  now: () => number = Date.now,
): PathKnowledge {
  const file = directory === undefined ? undefined : join(directory, "paths.json");
  let entries: Map<string, Entry> | undefined;

  return {
    get(origin) {
      entries ??= file === undefined ? new Map<string, Entry>() : read(file, now());
      return entries.get(origin)?.trailers;
    },
    set(origin, trailers) {
      // Another process may have learned something meanwhile.
      if (file !== undefined) entries = read(file, now());
      entries ??= new Map<string, Entry>();
      entries.delete(origin);
      if (trailers !== undefined) entries.set(origin, { trailers, at: now() });
      if (file !== undefined) write(file, entries);
    },
  };
}

function read(file: string, now: number): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  try {
    const text = readFileSync(file, "utf8");
    const value: unknown = text.length > MAX_BYTES ? undefined : JSON.parse(text);
    if (typeof value !== "object" || value === null) return entries;
    for (const [origin, entry] of Object.entries(value)) {
      if (isEntry(entry) && entry.at <= now && now - entry.at < LIFETIME) entries.set(origin, entry);
    }
  } catch {
    // Nothing is known then.
  }
  return entries;
}

function write(file: string, entries: ReadonlyMap<string, Entry>): void {
  const own = `${file}.${randomBytes(8).toString("hex")}`;
  try {
    // The oldest come first.
    const kept = [...entries].slice(-MAX_ORIGINS);
    writeFileSync(own, `${JSON.stringify(Object.fromEntries(kept))}\n`, { mode: 0o600, flag: "wx" });
    renameSync(own, file);
  } catch {
    try {
      rmSync(own, { force: true });
    } catch {
      // It was never there.
    }
  }
}

function isEntry(value: unknown): value is Entry {
  if (typeof value !== "object" || value === null) return false;
  const { trailers, at } = value as Partial<Record<keyof Entry, unknown>>;
  return (trailers === "kept" || trailers === "dropped" || trailers === "fatal") && typeof at === "number";
}
