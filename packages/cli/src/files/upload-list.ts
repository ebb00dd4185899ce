import type { Stats } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, sep } from "node:path";

import { redactedTarget, TrailsumError } from "@trailsum/shared";

import { type Found, walkDirectory, type WalkOptions } from "./directory-walk.ts";
import { argumentPath, type FilePath, filePath, pathText, uploadSource, urlSegment } from "./file-path.ts";
import { standardInput } from "./standard-input.ts";

/** Something to upload. */
export interface UploadEntry {
  readonly kind: "file";
  /** What results call it: the path as it was given, or `-`. */
  readonly path: FilePath;
  readonly source: string | URL | NodeJS.ReadableStream;
  /** Whether it is a regular file. */
  readonly isFile: boolean;
  readonly url: string;
  /** Bytes, where they are known beforehand. */
  readonly size: number | undefined;
}

/** Something in a directory that is not uploaded. */
export type UnlistedEntry = Exclude<Found, { kind: "file" }>;

/** Settings of {@link uploadList}. */
export interface UploadListOptions extends WalkOptions {
  /** Ends it with `ABORTED`. */
  readonly signal: AbortSignal;
}

/** One of the arguments. */
interface Source {
  readonly path: FilePath;
  readonly stats: Stats | undefined;
  /** The first segment of its path below the URL; empty where the files in a directory go to the URL itself. */
  readonly name: string;
}

/**
 * What is to be uploaded, and where to. A URL that ends in `/` is a directory, and names are appended to it; any other
 * is for a single file. Of a directory all files below it are uploaded: `photos` to `<url>photos/...`, and `photos/`,
 * with a slash, and `.`, to `<url>...`.
 *
 * Throws `USAGE`, before the first entry, when arguments do not fit the URL, or when two sources have one destination;
 * `FILE_UNREADABLE` for a directory without a URL that ends in `/`.
 */
export async function* uploadList(
  paths: readonly string[],
  url: string,
  options: UploadListOptions,
): AsyncGenerator<UploadEntry | UnlistedEntry> {
  const isFolder = new URL(url).pathname.endsWith("/");
  if (paths.length > 1 && !isFolder) {
    throw new TrailsumError(
      "USAGE",
      `${paths.length} files cannot all be uploaded as ${redactedTarget(url)}: end the URL with /`,
    );
  }
  if (paths.includes("-")) {
    if (isFolder)
      throw new TrailsumError("USAGE", `standard input has no name: give it one, such as ${redactedTarget(url)}NAME`);
    yield { kind: "file", path: "-", source: standardInput(), isFile: false, url, size: undefined };
    return;
  }
  const sources: Source[] = [];
  for (const path of paths) sources.push(await sourceOf(argumentPath(path)));
  if (!isFolder && sources[0]?.stats?.isDirectory() === true) {
    const directory = pathText(sources[0].path);
    throw new TrailsumError(
      "FILE_UNREADABLE",
      `${directory} is a directory: to upload the files in it, end the URL with /`,
    );
  }
  await refuseOneDestination(sources, url, options);
  for (const source of sources) yield* entriesOf(source, url, isFolder, options);
}

async function sourceOf(path: FilePath): Promise<Source> {
  const stats = await stat(path).catch(() => undefined);
  const name = baseName(path);
  const isContents = stats?.isDirectory() === true && (endsInSlash(path) || [".", "..", ""].includes(pathText(name)));
  return { path, stats, name: isContents ? "" : urlSegment(name) };
}

async function* entriesOf(
  { path, stats, name }: Source,
  url: string,
  isFolder: boolean,
  options: UploadListOptions,
): AsyncGenerator<UploadEntry | UnlistedEntry> {
  if (stats?.isDirectory() !== true) {
    const isFile = stats?.isFile() === true;
    // A file that does not exist is reported when it is opened.
    yield {
      kind: "file",
      path,
      source: uploadSource(path),
      isFile,
      url: isFolder ? below(url, name) : url,
      size: isFile ? stats?.size : undefined,
    };
    return;
  }
  for await (const found of walkDirectory(path, options)) {
    if (options.signal.aborted) throw new TrailsumError("ABORTED", "the upload was cancelled");
    if (found.kind !== "file") yield found;
    else {
      const { relativeUrl, size } = found;
      const destination = below(url, name === "" ? relativeUrl : `${name}/${relativeUrl}`);
      yield { kind: "file", path: found.path, source: uploadSource(found.path), isFile: true, url: destination, size };
    }
  }
}

/**
 * Throws when two sources would be stored under one URL: one of them would be lost. Directories are listed for that,
 * but only those that may have names in common.
 */
async function refuseOneDestination(
  sources: readonly Source[],
  url: string,
  options: UploadListOptions,
): Promise<void> {
  if (sources.length < 2) return;
  const counts = new Map<string, number>();
  for (const { name } of sources) counts.set(name, (counts.get(name) ?? 0) + 1);
  // The contents of a directory may have any name.
  const suspects = counts.has("") ? sources : sources.filter(({ name }) => counts.get(name) !== 1);
  const taken = new Map<string, FilePath>();
  for (const source of suspects) {
    for await (const entry of entriesOf(source, url, true, { ...options, sizes: false })) {
      if (entry.kind !== "file") continue;
      const other = taken.get(entry.url);
      if (other !== undefined) {
        const both = `${pathText(other)} and ${pathText(entry.path)}`;
        throw new TrailsumError(
          "USAGE",
          `${both} would both be uploaded as ${redactedTarget(entry.url)}: upload one of them elsewhere`,
        );
      }
      taken.set(entry.url, entry.path);
    }
  }
}

function baseName(path: FilePath): FilePath {
  if (typeof path === "string") return basename(path);
  return filePath(Buffer.from(basename(path.toString("latin1")), "latin1"));
}

function endsInSlash(path: FilePath): boolean {
  const last = pathText(path).at(-1);
  return last === "/" || last === sep;
}

function below(url: string, relativeUrl: string): string {
  const target = new URL(url);
  target.pathname += relativeUrl;
  return target.href;
}
