import { opendir, stat } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";

import { TrailsumError } from "@trailsum/shared";

/** One thing to upload. */
export interface UploadEntry {
  /** What it is called in results: the path as it was given, or `-`. */
  readonly name: string;
  /** The path to read, or standard input. */
  readonly source: string | NodeJS.ReadStream;
  /** Whether it is a regular file, by that name. */
  readonly isFile: boolean;
  readonly url: string;
  /** Bytes, where they are known beforehand. */
  readonly size: number | undefined;
}

/** The folder in which a store keeps what is its own. */
const STORE_FOLDER = ".trailsum";

/** So many entries of a directory are asked for at a time. */
const ENTRIES = 256;

/**
 * What is to be uploaded, and where to. A URL that ends in `/` is a directory, and names are appended to it; any other
 * is for a single file. Of a directory all files below it are uploaded: `photos` to `<url>photos/...`, and `photos/`,
 * with a slash, and `.`, to `<url>...`; `sizes` says whether anybody wants to know how large they are. Throws `USAGE`
 * or `FILE_UNREADABLE` for what cannot go there.
 */
export async function* uploadList(paths: readonly string[], url: string, sizes: boolean): AsyncGenerator<UploadEntry> {
  const isFolder = new URL(url).pathname.endsWith("/");
  if (paths.length > 1 && !isFolder) {
    throw new TrailsumError("USAGE", `${paths.length} files cannot all be uploaded as ${url}: end the URL with /`);
  }
  for (const path of paths) {
    if (path === "-") {
      if (isFolder) throw new TrailsumError("USAGE", `standard input has no name: give it one, such as ${url}NAME`);
      yield { name: "-", source: process.stdin, isFile: false, url, size: undefined };
      continue;
    }
    const stats = await stat(path).catch(() => undefined);
    if (stats?.isDirectory() !== true) {
      // What does not exist is told by whoever opens it.
      yield {
        name: path,
        source: path,
        isFile: stats?.isFile() === true,
        url: isFolder ? append(url, [basename(path)]) : url,
        size: stats?.isFile() === true ? stats.size : undefined,
      };
    } else if (isFolder) yield* below(path, url, sizes);
    else
      throw new TrailsumError(
        "FILE_UNREADABLE",
        `${path} is a directory: to upload the files in it, end the URL with /`,
      );
  }
}

async function* below(directory: string, url: string, sizes: boolean): AsyncGenerator<UploadEntry> {
  let place: Place | undefined;
  try {
    for await (const entry of await opendir(directory, { recursive: true, bufferSize: ENTRIES })) {
      // Those of one directory come together.
      if (place?.path !== entry.parentPath) place = placeOf(entry.parentPath, directory, url);
      if (entry.isDirectory() || place.isOfStore(entry.name)) continue;
      const path = join(entry.parentPath, entry.name);
      const stats = sizes || !entry.isFile() ? await stat(path).catch(() => undefined) : undefined;
      if (stats?.isFile() ?? entry.isFile())
        yield { name: path, source: path, isFile: true, url: append(place.url, [entry.name]), size: stats?.size };
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TrailsumError("FILE_UNREADABLE", `cannot list the files in ${directory}: ${reason}`, { cause: error });
  }
}

/** A directory below the one that is uploaded, and what is the same for all files in it. */
interface Place {
  readonly path: string;
  /** Where they go. */
  readonly url: string;
  /** Whether a file of that name belongs to a store. */
  isOfStore(name: string): boolean;
}

function placeOf(path: string, directory: string, url: string): Place {
  const name = basename(directory);
  const isNamed = !directory.endsWith("/") && !directory.endsWith(sep) && name !== "." && name !== "..";
  const segments = relative(directory, path)
    .split(sep)
    .filter((segment) => segment !== "");
  return {
    path,
    url: append(url, [...(isNamed ? [name] : []), ...segments, ""]),
    isOfStore: (file) => (segments[0] ?? file) === STORE_FOLDER,
  };
}

function append(url: string, segments: readonly string[]): string {
  const target = new URL(url);
  target.pathname += segments.map((segment) => encodeURIComponent(segment)).join("/");
  return target.href;
}
