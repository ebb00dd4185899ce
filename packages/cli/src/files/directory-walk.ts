import { type Dirent, type OpenDirOptions, type Stats } from "node:fs";
import { opendir, stat } from "node:fs/promises";

import { type FilePath, filePath, joinPath, urlSegment } from "./file-path.ts";

/** Something that a walk of a directory found. */
export type Found =
  | {
      readonly kind: "file";
      readonly path: FilePath;
      /** Its path from the directory that was walked, as a relative URL. */
      readonly relativeUrl: string;
      /** Bytes, where they were asked for. */
      readonly size: number | undefined;
    }
  | {
      /** `skipped` was left out by a rule, `failed` cannot be uploaded. */
      readonly kind: "skipped" | "failed";
      readonly path: FilePath;
      /** Why, as a clause: `it is a named pipe`. */
      readonly reason: string;
    };

/** Settings of {@link walkDirectory}. */
export interface WalkOptions {
  /** How symbolic links are handled. */
  readonly links: "follow" | "skip";
  /** Whether the sizes of files are wanted: they cost a system call each. */
  readonly sizes: boolean;
}

/** The directory at the root of a store that a server keeps for itself. */
const STORE_DIRECTORY = ".trailsum";

/** Entries of a directory that are read at a time. */
const BATCH = 256;

/** A directory that is walked, within those that it was reached through. */
interface Directory {
  readonly path: FilePath;
  /** Empty, or ends in a slash. */
  readonly relativeUrl: string;
  readonly parent: Directory | undefined;
  /** Device and inode of each open directory: entering one of them again is a loop. */
  identity?: string;
}

/** Every file below a directory, and everything there that is not uploaded. Nothing is left out without being named. */
export async function* walkDirectory(root: FilePath, options: WalkOptions): AsyncGenerator<Found> {
  const pending: Directory[] = [{ path: root, relativeUrl: "", parent: undefined }];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    yield* walkOne(directory, pending, options);
  }
}

async function* walkOne(directory: Directory, pending: Directory[], options: WalkOptions): AsyncGenerator<Found> {
  const { path } = directory;
  try {
    directory.identity = await identityOf(path);
    if (isWithinItself(directory)) {
      yield { kind: "failed", path, reason: "it is a link to a directory that it is in" };
      return;
    }
    let isEmpty = true;
    for await (const entry of await openDirectory(path)) {
      isEmpty = false;
      yield* foundAs(filePath(entry.name), entry, directory, pending, options);
    }
    if (isEmpty) yield { kind: "failed", path, reason: "it is an empty directory" };
  } catch (error) {
    yield { kind: "failed", path, reason: `it cannot be listed: ${reasonOf(error)}` };
  }
}

/** What an entry of a directory is found to be; a directory is walked later. */
async function* foundAs(
  name: FilePath,
  entry: Dirent<Buffer>,
  directory: Directory,
  pending: Directory[],
  { links, sizes }: WalkOptions,
): AsyncGenerator<Found> {
  const path = joinPath(directory.path, name);
  const relativeUrl = directory.relativeUrl + urlSegment(name);
  if (entry.isSymbolicLink() && links === "skip") {
    yield { kind: "skipped", path, reason: "it is a symbolic link" };
    return;
  }
  let stats: Stats | undefined;
  if (entry.isSymbolicLink() || (sizes && entry.isFile())) {
    try {
      stats = await stat(path);
    } catch (error) {
      yield { kind: "failed", path, reason: reasonOf(error, entry.isSymbolicLink()) };
      return;
    }
  }
  const is = stats ?? entry;
  if (is.isFile()) yield { kind: "file", path, relativeUrl, size: stats?.size };
  else if (!is.isDirectory()) yield { kind: "failed", path, reason: `it is ${kindOf(is)}` };
  else if (directory.parent === undefined && name === STORE_DIRECTORY)
    yield { kind: "skipped", path, reason: "a trailsum server keeps its own files there" };
  else pending.push({ path, relativeUrl: `${relativeUrl}/`, parent: directory });
}

/** Names as bytes, because they need not be UTF-8. Node supports this; its types do not. */
async function openDirectory(path: FilePath): Promise<AsyncIterable<Dirent<Buffer>>> {
  const options = { encoding: "buffer", bufferSize: BATCH } as unknown as OpenDirOptions;
  return (await opendir(path, options)) as unknown as AsyncIterable<Dirent<Buffer>>;
}

async function identityOf(path: FilePath): Promise<string> {
  const { dev, ino } = await stat(path, { bigint: true });
  return `${dev}:${ino}`;
}

function isWithinItself({ identity, parent }: Directory): boolean {
  for (let outer = parent; outer !== undefined; outer = outer.parent) if (outer.identity === identity) return true;
  return false;
}

function kindOf(entry: Dirent<Buffer> | Stats): string {
  if (entry.isFIFO()) return "a named pipe";
  if (entry.isSocket()) return "a socket";
  return entry.isBlockDevice() || entry.isCharacterDevice() ? "a device" : "not a file";
}

function reasonOf(error: unknown, isLink = false): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: isLink ? "it is a symbolic link to something that does not exist" : "it no longer exists",
    ELOOP: "it is a symbolic link that leads back to itself",
    EACCES: "no permission to read it",
    EPERM: "no permission to read it",
    ENAMETOOLONG: "its path is too long",
  };
  return reasons[code] ?? (error instanceof Error ? error.message : String(error));
}
