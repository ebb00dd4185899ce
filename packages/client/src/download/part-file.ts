import type { Stats } from "node:fs";
import { type FileHandle, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname } from "node:path";

import { createTemporaryFile, removeLeftovers, type TemporaryFile } from "@trailsum/files";

import { isNotReplaceable, isWritable } from "./in-place.ts";

/** The file that a download is written to until it has been accepted. */
export interface PartFile {
  readonly path: string;
  readonly file: FileHandle;
  /** Where it is: beside the destination, to be renamed, or elsewhere, where nothing can be created beside it. */
  readonly place: "beside" | "elsewhere";
  /** Closes it. */
  close(): Promise<void>;
  /** Closes and removes it. Never rejects. */
  discard(): Promise<void>;
}

const SUFFIX = ".trailsum";

/**
 * Creates the part file for a destination, and removes those that earlier downloads left behind. `before` describes the
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
  if (before === undefined) return createTemporaryFile(names, 0o666);
  const mode = before.mode & 0o777;
  const temporary = await createTemporaryFile(names, mode & 0o700);
  // The owner first: only then may others be let in. Some file systems know neither, and only root may give files away.
  if (before.uid !== process.geteuid?.() || before.gid !== process.getegid?.())
    await temporary.file.chown(before.uid, before.gid).catch(() => {});
  await temporary.file.chmod(mode).catch(() => {});
  return temporary;
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
    async discard() {
      await close().catch(() => {});
      await unlink(path).catch(() => {});
    },
  };
}
