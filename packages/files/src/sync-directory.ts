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

/** Makes the entries of a directory durable, new names and moved ones, where the file system can. */
export async function syncDirectory(directory: string): Promise<void> {
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
