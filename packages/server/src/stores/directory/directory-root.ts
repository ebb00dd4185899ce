import type { BigIntStats, Stats } from "node:fs";
import { lstat, mkdir, realpath } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";

import { unlessAbsent } from "@trailsum/files";
import { TrailsumError } from "@trailsum/shared";

import { foreignStagingFolder, reservedFolder } from "../object-path.ts";

/** The directory that a store serves, and the only way from an object's path to a file in it. */
export interface DirectoryRoot {
  /** Its real path. */
  readonly directory: string;
  /** Where the store keeps its own files. */
  readonly reserved: string;
  /** Where an object's file is or would be, as far as the names go: links on the way have not been looked at. */
  locate(path: string): string;
  /** Where an object's file is or would be, links among the directories that exist followed: one name for each file. */
  target(path: string): Promise<string>;
  /** The real path of what is there, links followed; undefined where nothing is. */
  resolve(path: string): Promise<string | undefined>;
  /** The name under which digests are kept for the file of that real path. */
  keyOf(real: string): string;
  /**
   * Checks that a file may be stored there: the path is inside the root and made of directories, and an existing file can be replaced.
   */
  checkReplaceable(path: string): Promise<Replaceable>;
  /** Creates the directories on the way to an object. */
  makeWay(path: string): Promise<Way>;
}

/** The place of an object that may be stored. */
interface Replaceable {
  /** What `target` returns. */
  readonly target: string;
  /** The file or the link that is there now. */
  readonly there: BigIntStats | undefined;
}

/** The way to an object, with every directory on it in place. */
interface Way {
  /** The real path of its file, links among the directories followed. */
  readonly file: string;
  /** The directories that have or will have new entries, and so must be synced. */
  readonly changed: readonly string[];
}

/** Opens a directory and the reserved folder in it. */
export async function openDirectoryRoot(given: string): Promise<DirectoryRoot> {
  const directory = await realpath(given);
  const reserved = join(directory, reservedFolder);
  const locate = (path: string): string => join(directory, ...path.split("/"));

  const refuseOutside = (real: string): string => {
    const inside = real === directory || real.startsWith(directory.endsWith(sep) ? directory : directory + sep);
    const kept =
      real === reserved ||
      real.startsWith(reserved + sep) ||
      relative(directory, real).split(sep).includes(foreignStagingFolder);
    if (!inside || kept) {
      throw new TrailsumError("PATH_FORBIDDEN", "the path leads out of what is served, by a symbolic link");
    }
    return real;
  };

  const resolve = async (path: string): Promise<string | undefined> => {
    const real = await unlessAbsent(realpath(locate(path)));
    return real === undefined ? undefined : refuseOutside(real);
  };

  return {
    directory,
    reserved,
    locate,
    resolve,
    async target(path) {
      const missing: string[] = [];
      for (let file = locate(path); file !== directory; file = dirname(file)) {
        missing.unshift(basename(file));
        // A real path already.
        if (dirname(file) === directory) return join(directory, ...missing);
        const parent = await unlessAbsent(realpath(dirname(file)));
        if (parent !== undefined) return join(parent, ...missing);
      }
      return directory;
    },

    keyOf: (real) => relative(directory, real).split(sep).join("/"),

    async checkReplaceable(path) {
      const target = await checkWay(path, resolve, locate);
      const there = await unlessAbsent(lstat(locate(path), { bigint: true }));
      if (there === undefined || there.isFile()) return { target, there };
      if (!there.isSymbolicLink()) throw inTheWay(there);
      const real = await resolve(path);
      if (real === undefined) throw new TrailsumError("PATH_FORBIDDEN", "a symbolic link that leads nowhere is there");
      const linked = await lstat(real);
      if (!linked.isFile()) throw inTheWay(linked);
      return { target, there };
    },

    async makeWay(path) {
      const parent = dirname(locate(path));
      // Its own path has no links in it, and what is staged is below it: it is there.
      if (parent === directory) return { file: locate(path), changed: [directory] };
      const first = await mkdir(parent, { recursive: true });
      const real = refuseOutside(await realpath(parent));
      const created = first === undefined ? [] : relative(dirname(first), parent).split(sep);
      const changed = created.map((_, at) => join(dirname(first ?? parent), ...created.slice(0, at)));
      return { file: join(real, basename(path)), changed: [...changed, real] };
    },
  };
}

/**
 * Walks up to the deepest directory that exists: it has to be one, and to be inside. Returns where the file is or would
 * be, links among the directories followed.
 */
async function checkWay(
  path: string,
  resolve: (path: string) => Promise<string | undefined>,
  locate: (path: string) => string,
): Promise<string> {
  for (let parent = dirname(path); parent !== "."; parent = dirname(parent)) {
    const place = locate(parent);
    const there = await unlessAbsent(lstat(place));
    if (there === undefined) continue;
    const real = await resolve(parent);
    if (real === undefined)
      throw new TrailsumError("PATH_FORBIDDEN", "a symbolic link that leads nowhere is in the way");
    // Without links on the way it has been looked at already.
    const found = real === place ? there : await lstat(real);
    if (found.isDirectory()) return join(real, relative(parent, path));
    throw new TrailsumError("CONFLICT", "a file is stored where the path needs a directory: choose another name");
  }
  return locate(path);
}

function inTheWay(there: Stats | BigIntStats): TrailsumError {
  const kind = there.isDirectory() ? "a directory" : "something that is not a file";
  return new TrailsumError("CONFLICT", `${kind} is stored under this path: choose another name`);
}
