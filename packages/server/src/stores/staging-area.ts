import { createHash, randomBytes } from "node:crypto";
import { type FileHandle, lstat, open, readdir, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";

import { createWithin, fileErrorCode, unlessAbsent } from "./file-errors.ts";

/** A file that is being received, out of everybody's sight. */
export interface StagingEntry {
  readonly path: string;
  readonly file: FileHandle;
  /** Says that it has been moved away or removed: nothing is left to clean up. */
  release(): void;
}

// A transfer that has not written for this long is over, whoever it belonged to.
const ABANDONED = 60 * 60 * 1000;
const host = createHash("sha256").update(hostname()).digest("hex").slice(0, 8);
// Of this process, so that a second store on the same directory leaves them alone.
const live = new Set<string>();

/**
 * Creates a file for new content. Its name says whose it is, so that whoever starts later can tell what a crash left
 * behind from what is still being received. The mode is the final one: the folder lets nobody else in.
 * `makeDirectory` makes the directory again, should it have been removed.
 */
export async function createStagingEntry(directory: string, makeDirectory: () => Promise<void>): Promise<StagingEntry> {
  const name = `${host}-${process.pid}-${randomBytes(12).toString("hex")}`;
  const path = join(directory, name);
  const file = await createWithin(makeDirectory, () => open(path, "wx", 0o644));
  live.add(name);
  return { path, file, release: () => live.delete(name) };
}

/** Removes what transfers of processes that are gone have left behind. */
export async function removeLeftovers(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    if (await isLeftover(name, path)) await rm(path, { force: true, recursive: true });
  }
}

async function isLeftover(name: string, path: string): Promise<boolean> {
  const [owner, pid] = name.split("-");
  if (owner === host && !isRunning(Number(pid))) return true;
  // A number is used again, by another process or by this one after a restart in a container.
  if (owner === host && Number(pid) === process.pid) return !live.has(name);
  const stats = await unlessAbsent(lstat(path));
  return stats !== undefined && Date.now() - stats.mtimeMs > ABANDONED;
}

function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return fileErrorCode(error) === "EPERM";
  }
}
