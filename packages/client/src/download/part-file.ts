import type { Stats } from "node:fs";
import { type FileHandle, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname } from "node:path";

import { createTemporaryFile, removeLeftovers, type TemporaryFile } from "@trailsum/files";

import { isNotReplaceable, isWritable } from "./in-place.ts";
import type { PartialState } from "./partial-state.ts";

/** The file that a download is written to until it has been accepted. */
export interface PartFile {
  readonly path: string;
  /** Open for writing and reading. */
  readonly file: FileHandle;
  /** Where it is: beside the destination, to be renamed, or elsewhere, where nothing can be created beside it. */
  readonly place: "beside" | "elsewhere";
  /** What an earlier run left in it. */
  readonly earlier?: (PartialState & { readonly size: number }) | undefined;
  /** Notes what its content begins with, for a later run; undefined if that cannot continue it. */
  note(state: PartialState | undefined): Promise<void>;
  /** Closes it. */
  close(): Promise<void>;
  /** Forgets everything but the file itself, which has become the destination. */
  settle(): Promise<void>;
  /** Closes the file and removes it, unless its first `size` bytes are kept for a later run. Never rejects. */
  discard(size?: number): Promise<void>;
}

const SUFFIX = ".trailsum";

/**
 * Creates the part file for a destination, and removes leftovers of earlier downloads. `before` describes the
 * file at the destination now: the part file is not readable for anyone who cannot read that.
 */
export async function openPartFile(path: string, before: Stats | undefined): Promise<PartFile> {
  try {
    return partFile(await besideFile(path, before), "beside");
  } catch (error) {
    // Another user's directory, or one on a read-only file system: the file in it may be writable all the same.
    if (before === undefined || !isNotReplaceable(error) || !(await isWritable(path))) throw error;
    const names = { directory: tmpdir(), prefix: prefixOf(path), suffix: SUFFIX };
    await removeLeftovers(names).catch(() => {});
    return partFile(await createTemporaryFile(names, 0o600), "elsewhere");
  }
}

async function besideFile(path: string, before: Stats | undefined): Promise<TemporaryFile> {
  const names = { directory: dirname(path), prefix: prefixOf(path), suffix: SUFFIX };
  await removeLeftovers(names).catch(() => {});
  const temporary = await createTemporaryFile(names, creationMode(before));
  await adoptAccess(temporary.file, before);
  return temporary;
}

/** The mode to create a file with that may replace `before`. */
export function creationMode(before: Stats | undefined): number {
  return before === undefined ? 0o666 : before.mode & 0o700;
}

/** Gives a file the owner and the mode of the one that it may replace. */
export async function adoptAccess(file: FileHandle, before: Stats | undefined): Promise<void> {
  if (before === undefined) return;
  // The owner first: only then may others be let in. Some file systems know neither, and only root may give files away.
  if (before.uid !== process.geteuid?.() || before.gid !== process.getegid?.())
    await file.chown(before.uid, before.gid).catch(() => {});
  await file.chmod(before.mode & 0o777).catch(() => {});
}

/** How the names of part files for one destination begin. Short enough to leave room for the rest, in any script. */
function prefixOf(path: string): string {
  return `.${basename(path).slice(0, 60).toWellFormed()}.`;
}

function partFile({ path, file, settle }: TemporaryFile, place: PartFile["place"]): PartFile {
  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    await settle();
    await file.close();
  };
  return {
    path,
    file,
    place,
    close,
    async note() {},
    async settle() {},
    async discard() {
      await close().catch(() => {});
      await unlink(path).catch(() => {});
    },
  };
}
