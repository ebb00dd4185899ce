import { lstat, mkdir, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";

import type { ListOptions } from "@trailsum/client";
import { redactedTarget, TrailsumError } from "@trailsum/shared";

/** A URL to download, and the field that says who asks for it. */
export interface DownloadTarget {
  readonly url: URL;
  /** `Authorization`, or nothing. */
  readonly authorization: [name: string, value: string][];
}

/** Something to download. */
export interface DownloadEntry extends DownloadTarget {
  /** The file to write, or `-`. */
  readonly output: string;
  /** What a sums file calls it: the name in the URL, or the path below the directory that is downloaded. */
  readonly name: string;
  /** The directory that it must not be written outside of: its path below that was given by the server. */
  readonly below?: string;
}

/** Settings of {@link downloadList}. */
export interface DownloadListOptions extends ListOptions {
  readonly headers: readonly [name: string, value: string][];
  /** A file, a directory, `-`, or undefined for the names in the URLs. */
  readonly output: string | undefined;
  /** Whether the URLs are directories, and everything below them is downloaded. */
  readonly recursive: boolean;
}

/**
 * What is to be downloaded, and where to. Names come from the URLs that the user gave, or, below a directory, from the
 * server: what would be written outside the directory is refused. Throws `USAGE`, before the first entry, if the arguments
 * do not fit.
 */
export async function* downloadList(
  targets: readonly DownloadTarget[],
  options: DownloadListOptions,
): AsyncGenerator<DownloadEntry> {
  const { output, recursive } = options;
  if (recursive) {
    for (const target of targets) yield* entriesBelow(target, targets.length, options);
    return;
  }
  if (output === "-" && targets.length > 1)
    throw new TrailsumError("USAGE", "only one URL can be downloaded to standard output");
  const directory = output === undefined ? "" : await directoryNamed(output);
  if (targets.length > 1 && directory === undefined)
    throw new TrailsumError(
      "USAGE",
      `${targets.length} URLs cannot all be written to ${output}: name a directory, with / at its end`,
    );
  const entries = targets.map((target): DownloadEntry => {
    const { url } = target;
    const name = nameIn(url);
    if (output !== undefined && directory === undefined) return { ...target, output, name: name ?? output };
    if (name !== undefined) return { ...target, output: join(directory ?? "", name), name };
    throw new TrailsumError("USAGE", `${redactedTarget(url)} has no file name: choose one with -o FILE`);
  });
  refuseOneFile(entries);
  if (directory !== undefined && directory !== "") await makeDirectory(directory);
  yield* entries;
}

/** The directory that `-o` names, if it names one: with a slash at its end, or because it is there. */
async function directoryNamed(output: string): Promise<string | undefined> {
  if (output === "-") return undefined;
  if (output.endsWith("/") || output.endsWith(sep)) return output;
  return (await stat(output).catch(() => undefined))?.isDirectory() === true ? output : undefined;
}

function refuseOneFile(entries: readonly DownloadEntry[]): void {
  const taken = new Map<string, URL>();
  for (const { url, output } of entries) {
    const other = taken.get(output);
    if (other !== undefined)
      throw new TrailsumError(
        "USAGE",
        `${redactedTarget(other)} and ${redactedTarget(url)} would both be written to ${output}`,
      );
    taken.set(output, url);
  }
}

async function* entriesBelow(
  { url, authorization }: DownloadTarget,
  count: number,
  { output, headers, retries, signal, dispatcher }: DownloadListOptions,
): AsyncGenerator<DownloadEntry> {
  if (output === "-") throw new TrailsumError("USAGE", "a directory cannot be downloaded to standard output");
  const { listObjects } = await import("@trailsum/client");
  const own = nameIn(url, 1) ?? url.hostname;
  const root = output === undefined ? own : count > 1 ? join(output, own) : output;
  await makeDirectory(root);
  const listing = {
    headers: [...headers, ...authorization],
    ...(retries !== undefined && { retries }),
    ...(signal && { signal }),
    ...(dispatcher && { dispatcher }),
  };
  for await (const { url: from, path } of listObjects(url, listing))
    yield { url: from, authorization, output: join(root, path), name: path, below: root };
}

/**
 * Makes the directories on the way from `root` to a file below it, whose path was given by a server. Rejects with
 * `FILE_UNWRITABLE` where a link on the way, or the file itself, leads out of `root`.
 */
export async function makeWayBelow(root: string, file: string): Promise<void> {
  const real = await realpath(root);
  const parents = file
    .slice(root.length)
    .split(sep)
    .filter((segment) => segment !== "")
    .slice(0, -1);
  let directory = root;
  for (const parent of parents) {
    directory = join(directory, parent);
    await mkdir(directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw unwritable(directory, error);
    });
    const there = await realpath(directory).catch((error: unknown) => {
      throw unwritable(directory, error);
    });
    if (!there.startsWith(real + (real.endsWith(sep) ? "" : sep))) throw leadsOut(directory, root);
  }
  const stats = await lstat(file).catch(() => undefined);
  if (stats?.isSymbolicLink() === true) throw leadsOut(file, root);
}

/** The directory that files below a URL are written to. */
async function makeDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((error: unknown) => {
    throw unwritable(path, error);
  });
}

function unwritable(path: string, cause: unknown): TrailsumError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new TrailsumError("FILE_UNWRITABLE", `cannot make the directory ${path}: ${reason}`, { cause });
}

function leadsOut(path: string, root: string): TrailsumError {
  return new TrailsumError("FILE_UNWRITABLE", `cannot write ${path}: it is a link, which may lead out of ${root}`);
}

/** The last name in a URL, or the one before its last `slashes`; undefined if it has none that a file can have. */
function nameIn(url: URL, slashes = 0): string | undefined {
  const segment = url.pathname.split("/").at(-1 - slashes) ?? "";
  let name = segment;
  try {
    name = decodeURIComponent(segment);
  } catch {
    // A malformed escape is part of the name.
  }
  return name === "" || name === "." || name === ".." || /[/\\\0]/.test(name) ? undefined : name;
}
