import { type FileHandle, open } from "node:fs/promises";

import { fileErrorCode } from "./file-error.ts";

/**
 * What file systems answer that cannot sync a directory, or that do not let one be opened: network shares (CIFS, 9p,
 * vboxsf), FUSE, Windows, and directories that may be written to but not read. Their entries are as durable as they get.
 */
const UNSUPPORTED: ReadonlySet<string | undefined> = new Set([
  "EACCES",
  "EBADF",
  "EINVAL",
  "EISDIR",
  "ENOSYS",
  "ENOTSUP",
  "EOPNOTSUPP",
  "EPERM",
]);

/** The sync of a directory that is under way, and the one that follows it, if someone has asked for that. */
interface Syncing {
  readonly running: Promise<void>;
  following: Promise<void> | undefined;
}

const syncing = new Map<string, Syncing>();

/**
 * Makes the entries of a directory durable, new names and moved ones, where the file system can. A sync makes durable what
 * was there when it began: all who ask while one is under way share the one that follows.
 */
export function syncDirectory(directory: string): Promise<void> {
  const current = syncing.get(directory);
  if (current === undefined) return begin(directory);
  const follow = (): Promise<void> => begin(directory);
  current.following ??= current.running.then(follow, follow);
  return current.following;
}

function begin(directory: string): Promise<void> {
  const running = sync(directory);
  const own: Syncing = { running, following: undefined };
  syncing.set(directory, own);
  // The one that follows begins in the same turn as this ends, and takes its place before that.
  const end = (): void => {
    if (syncing.get(directory) === own && own.following === undefined) syncing.delete(directory);
  };
  running.then(end, end);
  return running;
}

async function sync(directory: string): Promise<void> {
  const handle = await whereSupported(open(directory, "r"));
  if (handle === undefined) return;
  try {
    await whereSupported(handle.sync());
  } finally {
    await handle.close();
  }
}

async function whereSupported<T extends FileHandle | void>(operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation;
  } catch (error) {
    if (UNSUPPORTED.has(fileErrorCode(error))) return undefined;
    throw error;
  }
}
