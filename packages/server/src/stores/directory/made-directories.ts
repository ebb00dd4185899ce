import { type Dirent } from "node:fs";
import { lstat, mkdir, readdir, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";

import { fileErrorCode, syncDirectory, unlessAbsent } from "@trailsum/files";
import { TrailsumError } from "@trailsum/shared";

import type { DirectoryRoot } from "./directory-root.ts";

/** Creates a directory of a store, and those on the way to it. Returns whether it was not there before. */
export async function makeDirectory(root: DirectoryRoot, path: string): Promise<boolean> {
  const real = await root.resolve(path);
  const there = real === undefined ? undefined : await unlessAbsent(lstat(real));
  if (there?.isDirectory() === true) return false;
  await root.checkReplaceable(path);
  if (there !== undefined) throw new TrailsumError("CONFLICT", "an object is stored where a directory is to be made");
  const { file, changed } = await root.makeWay(path);
  try {
    await mkdir(file);
  } catch (error) {
    if (fileErrorCode(error) === "EEXIST") return false;
    throw error;
  }
  await Promise.all(changed.map(syncDirectory));
  return true;
}

/** Removes a directory of a store with the empty ones in it. Returns whether it was there. */
export async function removeDirectory(root: DirectoryRoot, path: string): Promise<boolean> {
  const real = await root.resolve(path);
  const there = await unlessAbsent(lstat(root.locate(path)));
  if (real === undefined || there?.isDirectory() !== true) return false;
  const within = await emptyDirectories(real);
  try {
    // The deepest first.
    // oxlint-disable-next-line no-await-in-loop -- a directory is empty once those in it are gone
    for (const directory of [...within.toReversed(), real]) await unlessAbsent(rmdir(directory));
  } catch (error) {
    if (fileErrorCode(error) === "ENOTEMPTY" || fileErrorCode(error) === "EEXIST") throw notEmpty();
    throw error;
  }
  await syncDirectory(dirname(real));
  return true;
}

/** The directories below one, each before those in it. Throws `CONFLICT` if anything else is there. */
async function emptyDirectories(directory: string): Promise<string[]> {
  const found: string[] = [];
  for (const pending = [directory]; pending.length > 0;) {
    const parent = pending.pop()!;
    // oxlint-disable-next-line no-await-in-loop -- the first file ends the search
    const entries: Dirent[] = (await unlessAbsent(readdir(parent, { withFileTypes: true }))) ?? [];
    if (!entries.every((entry) => entry.isDirectory())) throw notEmpty();
    const paths = entries.map(({ name }) => join(parent, name));
    found.push(...paths);
    pending.push(...paths);
  }
  return found;
}

function notEmpty(): TrailsumError {
  return new TrailsumError("CONFLICT", "there are objects in the directory: remove them first");
}
